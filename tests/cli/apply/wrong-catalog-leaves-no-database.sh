echo 'meters: []' >wrong.yaml
meter apply wrong.yaml
echo "exit $?"
test ! -e meter.db
