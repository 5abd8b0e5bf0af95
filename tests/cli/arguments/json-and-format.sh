meter stats --json --format csv
