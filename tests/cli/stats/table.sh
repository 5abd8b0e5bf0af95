meter apply catalog.yaml >/dev/null && meter replay events.jsonl >/dev/null
meter stats | sed 's/^\([a-z]*_bytes  *\)[0-9]*$/\1SIZE/'
