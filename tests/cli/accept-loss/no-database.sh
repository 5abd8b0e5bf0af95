meter accept-loss --reason 'there is none'
status=$?
ls | grep -c 'db$'
exit $status
