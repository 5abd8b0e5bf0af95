meter quote catalog.yaml --plan api-pro --at 2025-01-15 --usage peak=1
