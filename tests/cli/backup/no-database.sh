meter backup copy.db
status=$?
ls | grep -c 'db$'
exit $status
