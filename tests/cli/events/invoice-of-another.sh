. ./billed.sh
meter events globex --invoice INV-000001
