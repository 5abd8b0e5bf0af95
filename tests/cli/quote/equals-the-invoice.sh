meter apply catalog.yaml >/dev/null && meter replay events.jsonl >/dev/null
meter invoice acme --period 2025-01 --format csv >invoice
meter quote catalog.yaml --plan api-pro --at 2025-01-31T23:59:59Z --format csv --usage calls=7 --usage exports=21 \
	--usage 'tokens{model=large-1,kind=input}=1500000' --usage 'tokens{model=large-1,kind=output}=250000.5' >quote
diff invoice quote
