printf 'version: 1\nmeters: \377\n' | meter check -
