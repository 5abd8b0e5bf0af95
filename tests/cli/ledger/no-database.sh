meter ledger
