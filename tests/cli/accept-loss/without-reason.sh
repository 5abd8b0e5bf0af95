meter apply catalog.yaml >/dev/null
meter accept-loss
