meter check - <catalog.yaml
