meter query calls --to 2025-02-29
