meter apply catalog.yaml >/dev/null && meter replay events.jsonl >/dev/null
meter backup copy.db --json | sed 's/\(_*bytes":\)[0-9]*/\1SIZE/'
meter backup again.db --format csv | sed 's/,[0-9]*,/,SIZE,/'
