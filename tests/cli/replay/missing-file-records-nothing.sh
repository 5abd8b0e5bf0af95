meter replay events.jsonl nothing.jsonl
echo "exit $?"
test ! -e meter.db
