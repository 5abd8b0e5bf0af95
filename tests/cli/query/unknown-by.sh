meter query calls --by week
