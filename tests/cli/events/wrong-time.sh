meter events acme --from 2025-01-01T00:00:00
