meter explain INV-000001 --format csv
