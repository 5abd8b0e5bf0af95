meter help catalog | sed -n 's/^  //p' | sed -n '/^version:/,/^  acme:/p' | meter check -
