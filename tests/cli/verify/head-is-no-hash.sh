meter verify --head abc
