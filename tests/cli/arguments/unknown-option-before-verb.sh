meter --period 2025-01 invoice acme
