meter events acme --outcome conflict
