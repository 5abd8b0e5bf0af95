meter apply --json catalog.yaml
