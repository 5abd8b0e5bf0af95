meter quote catalog.yaml --plan api-max --at 2025-01-15
