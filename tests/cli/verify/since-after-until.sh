meter verify --since 2025-01-02 --until 2025-01-01
