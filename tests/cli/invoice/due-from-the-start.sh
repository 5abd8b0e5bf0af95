# Nothing was finalized before: one transaction closes all periods, each once.
sed 's/from: 2024-01-01T00:00:00Z}/from: 2024-03-10T00:00:00Z}/' catalog.yaml > later.yaml
meter apply later.yaml > apply.txt
meter invoice --due --at 2024-06-01T00:00:00Z
