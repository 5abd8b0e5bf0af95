meter quote catalog.yaml --plan api-pro --at 2025-01-15 --usage calls=7 --usage exports=21
