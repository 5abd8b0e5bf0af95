. ./billed.sh
meter events acme --property model=large --property tokens=7000
meter events acme --source gw-1 --from 2025-01-03 --format csv
