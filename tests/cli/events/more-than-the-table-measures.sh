# Widths come from the first 5000 rows; a wider cell behind them pushes only its own row aside.
awk 'BEGIN { print "id,subscription,type,timestamp"; for (i = 0; i < 5002; i++) printf "%s,acme,x,2025-01-01T%02d:%02d:%02dZ\n", i == 5001 ? "wide-5001" : i, i / 3600, i / 60 % 60, i % 60 }' >many.csv
meter replay many.csv >/dev/null
meter events acme | sed -n '1,2p;5001,$p'
