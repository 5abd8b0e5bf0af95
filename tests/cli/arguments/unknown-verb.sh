meter bill
