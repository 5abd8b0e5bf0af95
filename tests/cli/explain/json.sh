. ./billed.sh
meter explain INV-000002 --json
