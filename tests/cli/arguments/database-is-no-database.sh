meter -d catalog.yaml stats
