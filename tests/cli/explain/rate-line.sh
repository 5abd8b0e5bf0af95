. ./billed.sh
meter explain INV-000001 5 --events 3
