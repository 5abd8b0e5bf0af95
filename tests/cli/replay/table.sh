meter replay events.jsonl | sed 's/^\(seconds *\)[0-9.]*$/\1TIME/; s/^\(events_per_second *\)[0-9]*$/\1RATE/'
