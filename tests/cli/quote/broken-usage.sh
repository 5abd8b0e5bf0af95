for usage in calls calls= =5 'tokens{model=a=5' 'tokens{model}=5' 'tokens{model=a,}=5' 'tokens{=a}=5'; do
	meter quote catalog.yaml --plan api-pro --at 2025-01-15 --usage "$usage"
	echo "exit $?"
done
