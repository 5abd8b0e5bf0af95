sed 's/catalog: catalog.yaml/catalog: nowhere.yaml/' prices.test.yaml >wrong.yaml
meter test wrong.yaml
