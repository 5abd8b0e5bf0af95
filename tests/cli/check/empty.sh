meter check - </dev/null
