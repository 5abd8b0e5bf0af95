echo 'id,subscription,type,timestamp,model' >events.csv
meter replay --map source=gateway events.csv
echo "exit $?"
test ! -e meter.db
