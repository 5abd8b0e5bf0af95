# Ctrl-C where nothing comes any more: what was read is stored and counted, and running it again doubles nothing.
meter apply catalog.yaml >/dev/null
mkfifo pipe
exec 3<>pipe
cat events.jsonl >&3
timeout --preserve-status -s INT 2 meter replay - --json <pipe >out
echo "exit $?"
cut -d, -f1-6 out
meter replay events.jsonl --json | cut -d, -f1-6
