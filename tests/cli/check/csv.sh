meter check --format csv catalog.yaml
