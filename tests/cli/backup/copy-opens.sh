meter apply catalog.yaml >/dev/null && meter replay events.jsonl >/dev/null
meter backup copy.db | sed 's/^\(bytes  *\)[0-9]*$/\1SIZE/'
ls copy.db*
meter -d copy.db stats | head -1
meter -d copy.db replay --json events.jsonl | cut -d, -f1-3
