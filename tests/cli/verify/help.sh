meter verify --help
