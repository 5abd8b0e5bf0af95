# Descriptor 1 must not become the database's.
meter apply catalog.yaml >&-
echo "exit $?"
meter apply catalog.yaml
