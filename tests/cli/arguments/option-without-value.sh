meter query calls --by
