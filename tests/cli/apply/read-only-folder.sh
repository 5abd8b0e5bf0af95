# Root may write anywhere, so the folder is one that is not there.
meter -d folder/meter.db apply catalog.yaml
