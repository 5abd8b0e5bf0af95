meter -d '' stats
