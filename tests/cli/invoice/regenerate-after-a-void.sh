# January is open again: February cannot be billed anew before it, and stays as it is.
meter apply credits.yaml > apply.txt
meter invoice --due --at 2024-03-01T00:00:00Z > due.txt
meter invoice INV-000001 --void --reason wrong --at 2024-03-01T00:00:00Z > void.txt
meter invoice INV-000002 --regenerate --reason wrong --at 2024-03-01T00:00:00Z
meter invoice INV-000002 --diff
meter invoice --list
