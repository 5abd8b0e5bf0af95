meter verify --since yesterday
