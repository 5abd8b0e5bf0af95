. ./billed.sh
echo "{\"id\":\"mar-1\",\"subscription\":\"acme\",\"type\":\"api.call\",\"timestamp\":\"2025-03-01T00:00:00Z\"}" >march.jsonl
meter replay march.jsonl >/dev/null
meter events acme --with-invoice --from 2025-02-01
