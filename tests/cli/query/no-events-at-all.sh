meter apply catalog.yaml
meter query calls --json
