sed 's/total/totl/' prices.test.yaml >wrong.yaml
meter test wrong.yaml
