echo 'id,id,subscription,type,timestamp' >events.csv
meter replay events.csv
