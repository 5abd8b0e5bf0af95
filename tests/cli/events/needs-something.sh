meter events
