. ./billed.sh
meter explain INV-000001 4
