meter verify
