mkdir folder
meter check folder
