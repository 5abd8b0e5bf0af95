sed 's/aggregation: max/aggregation: median/' catalog.yaml >wrong.yaml
meter check wrong.yaml
