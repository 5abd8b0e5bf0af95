meter check nothing.yaml
