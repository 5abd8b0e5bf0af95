meter invoice acme --period 2025-01 --finalize
