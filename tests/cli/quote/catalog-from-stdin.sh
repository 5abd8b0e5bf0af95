meter quote - --plan api-pro --at 2025-01-15 --format csv <catalog.yaml
