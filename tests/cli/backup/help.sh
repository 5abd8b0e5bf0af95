meter backup --help
