# Ctrl-C where nothing comes any more: what was read is stored and counted, and running it again doubles nothing.
meter apply catalog.yaml >/dev/null
mkfifo pipe
exec 3<>pipe
cat events.jsonl >&3
# In the background SIGINT would be ignored.
env --default-signal=INT meter replay - --json <pipe >out &
# On a busy machine it takes a while until Ctrl-C is caught (bit 2 of the mask).
until grep -q '^SigCgt:.*[2367abef]$' /proc/$!/status; do sleep 0.1; done
sleep 1
kill -INT $!
wait $!
echo "exit $?"
cut -d, -f1-6 out
meter replay events.jsonl --json | cut -d, -f1-6
