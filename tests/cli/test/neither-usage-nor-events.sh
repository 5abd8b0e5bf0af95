printf 'catalog: catalog.yaml\nscenarios:\n  - {name: x, expect: {total: "1.00"}}\n' >wrong.yaml
meter test wrong.yaml
