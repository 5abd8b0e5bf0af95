meter query calls --by day --by hour
