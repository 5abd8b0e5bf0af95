meter apply catalog.yaml >/dev/null
meter stats --json | sed 's/\(_bytes":\)[0-9]*/\1SIZE/g'
