# Wrong usage says what was expected.
meter plan
echo "[$?]"
meter plan export file.json
echo "[$?]"
meter plan import file.json
echo "[$?]"
meter plan import --from paddle file.json
echo "[$?]"
meter plan import --from stripe no-such.json
meter plan import --from stripe --format csv no-such.json
