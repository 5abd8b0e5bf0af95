printf 'a\377\033b\n' | meter replay - >/dev/null 2>&1
meter quarantine show 1 | sed 's/20[0-9][0-9]-[0-9-]*T[0-9:.]*Z/TIME/'
meter quarantine show 1 --json | sed 's/20[0-9][0-9]-[0-9-]*T[0-9:.]*Z/TIME/'
