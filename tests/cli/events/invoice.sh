. ./billed.sh
meter events --invoice INV-000001 --format csv
meter events --invoice INV-000002 --json
