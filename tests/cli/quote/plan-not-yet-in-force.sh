meter quote catalog.yaml --plan api-pro --at 2023-01-15
