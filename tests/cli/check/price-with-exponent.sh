sed 's/"2.00"/"2e0"/' catalog.yaml >wrong.yaml
meter check wrong.yaml
