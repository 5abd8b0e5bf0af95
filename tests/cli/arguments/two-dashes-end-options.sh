meter check -- --json
