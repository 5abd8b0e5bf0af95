. ./billed.sh
meter events acme --id late-1
meter events --id c2 --json
