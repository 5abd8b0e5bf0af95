meter check --json catalog.yaml
