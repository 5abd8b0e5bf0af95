meter apply catalog.yaml
meter apply catalog.yaml
echo '# new' >>catalog.yaml
meter apply catalog.yaml
