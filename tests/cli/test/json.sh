meter test prices.test.yaml --json
