meter events acme --outcome pending
