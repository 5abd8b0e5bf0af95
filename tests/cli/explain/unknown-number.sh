. ./billed.sh
meter explain INV-000099
