meter invoice acme
