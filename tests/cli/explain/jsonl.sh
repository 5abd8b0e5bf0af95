. ./billed.sh
meter explain INV-000001 --format jsonl --events 1
