meter query tokens --filter model
