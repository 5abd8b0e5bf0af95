# Every verb of the overview explains itself.
meter help | sed -n 's/^  \([a-z]*\)  .*/\1/p' | while read -r verb; do
	meter help "$verb" | head -n 1
done
