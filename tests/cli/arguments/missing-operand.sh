meter query
