echo 'id,subscription,type,timestamp,model' >events.csv
meter replay --map id events.csv
meter replay --map id= events.csv
