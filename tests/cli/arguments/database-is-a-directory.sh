mkdir folder
meter -d folder stats
