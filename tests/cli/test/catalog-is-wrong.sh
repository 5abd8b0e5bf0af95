sed 's/aggregation: max/aggregation: median/' catalog.yaml >other.yaml
sed 's/catalog: catalog.yaml/catalog: other.yaml/' prices.test.yaml >wrong.yaml
meter test wrong.yaml
