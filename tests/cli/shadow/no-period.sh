meter shadow catalog.yaml
