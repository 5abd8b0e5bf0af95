meter query calls --frm 2025-01-01
