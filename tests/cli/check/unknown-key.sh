sed 's/aggregation: count/agregation: count/' catalog.yaml >wrong.yaml
meter check wrong.yaml
