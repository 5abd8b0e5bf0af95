meter version >&-
