meter apply catalog.yaml >/dev/null
meter backup catalog.yaml
status=$?
ls | grep -c tmp
exit $status
