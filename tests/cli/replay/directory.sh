mkdir folder
meter replay folder
