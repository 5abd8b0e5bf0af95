meter explain --help
