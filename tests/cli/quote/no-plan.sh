meter quote catalog.yaml
