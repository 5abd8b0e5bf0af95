. ./billed.sh
meter explain acme 5 --period 2025-01 --events 0
