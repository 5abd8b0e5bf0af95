meter query calls --format prometheus
