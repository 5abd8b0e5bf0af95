meter ledger --help
