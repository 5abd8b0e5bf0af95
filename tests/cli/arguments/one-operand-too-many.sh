meter query calls tokens
