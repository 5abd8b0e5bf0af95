# What is meant must be said, and what there is not is told as such.
meter apply credits.yaml > apply.txt
meter invoice --due --at 2024-02-01T00:00:00Z
meter invoice INV-000009; echo "$?"
meter invoice nobody --preview; echo "$?"
meter invoice acme --void --reason wrong; echo "$?"
meter invoice acme --period 2024-02 --void --reason wrong; echo "$?"
meter invoice INV-000001 --diff; echo "$?"
meter invoice INV-000001 --diff --format csv; echo "$?"
# A document's number where a subscription is needed.
meter invoice INV-000001 --preview; echo "$?"
meter invoice INV-000001 --finalize; echo "$?"
meter invoice INV-000001 --adjust; echo "$?"
meter invoice INV-000001 --period 2024-01; echo "$?"
meter explain INV-000001 --period 2024-01; echo "$?"
meter invoice nobody --list; echo "$?"
meter invoice nobody --adjust; echo "$?"
