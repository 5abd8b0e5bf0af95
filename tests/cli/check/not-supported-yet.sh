sed 's/aggregation: max/aggregation: unique_count/' catalog.yaml >wrong.yaml
meter check wrong.yaml
