meter check catalog.yaml
