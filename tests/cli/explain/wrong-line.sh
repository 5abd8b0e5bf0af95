meter explain INV-000001 first
