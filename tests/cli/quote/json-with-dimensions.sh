meter quote catalog.yaml --plan api-pro --at 2025-01-15 --usage 'tokens{model=large-1,kind=input}=1500000' --usage 'tokens{model=large-1,kind=output}=250000.5' --json
