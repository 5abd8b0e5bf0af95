meter help catalog >/dev/full
