meter --help
