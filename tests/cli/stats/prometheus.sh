meter apply catalog.yaml >/dev/null && meter replay events.jsonl >/dev/null
meter stats --format prometheus | sed 's/^\(meter_[a-z]*_bytes\) [0-9]*$/\1 SIZE/'
