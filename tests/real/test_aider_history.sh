# test_aider_history.sh - 73.9873307 dollars: every call at the price of its moment. The price list's history is a plan with a version for
# each change; 2,428 of the 2,464 amounts are the cost that the tool recorded itself.
. "$REAL/check.sh"

python3 "$REAL/aider_history.py" "$DATA" catalog >history.yaml
python3 "$REAL/aider_history.py" "$DATA" events >calls.jsonl
meter -d history.db apply history.yaml >applied
meter -d history.db replay calls.jsonl --time s --json >outcomes.json
set --
for month in 2024-08 2024-09 2024-10 2024-11 2024-12 2025-01 2025-02; do set -- "$@" --period $month; done
meter -d history.db shadow history.yaml "$@" --all --format csv >rows.csv
python3 "$REAL/aider_history.py" "$DATA" check rows.csv || [ $? -eq 3 ]
