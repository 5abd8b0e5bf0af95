meter quarantine
meter quarantine look
meter quarantine show
meter quarantine list 1
meter quarantine show 1 2
meter quarantine list --outcome late
meter quarantine list --code typo
meter quarantine list --reason why
meter quarantine show 1 --code json
meter quarantine export --discarded
meter quarantine export --format csv
meter quarantine export --json
meter quarantine reasons --outcome conflict
meter quarantine discard 1
meter quarantine discard --reason why
meter quarantine retry 1x
meter quarantine retry --time year
meter quarantine retry
