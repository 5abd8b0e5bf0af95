# Every kind of difference, and what the run ends with.
meter test prices.test.yaml
