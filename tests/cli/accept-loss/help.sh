meter accept-loss --help
