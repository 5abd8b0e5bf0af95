meter help query >one
meter query --help >two
meter --help query >three
cmp one two && cmp one three && cat one
