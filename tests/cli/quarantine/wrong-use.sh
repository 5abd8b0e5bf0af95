meter quarantine
meter quarantine retry
meter quarantine show
meter quarantine list 1
meter quarantine list --outcome late
