meter apply catalog.yaml
meter replay meter.db
