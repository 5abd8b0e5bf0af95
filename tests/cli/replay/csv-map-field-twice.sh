echo 'id,subscription,type,timestamp,model' >events.csv
meter replay --map id=id,id=model events.csv
