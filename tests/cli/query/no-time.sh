meter query calls --from yesterday
