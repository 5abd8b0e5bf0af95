. ./billed.sh
meter invoice INV-000002
meter explain INV-000002 4
