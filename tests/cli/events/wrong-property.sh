meter events acme --property model
