echo 'id,subscription,type,timestamp,model' >events.csv
meter replay --map ident=id events.csv
