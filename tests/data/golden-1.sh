# golden-1.sh - see make.sh: what golden-1.yaml bills: models of charges, credits and commitments, units, periods, late usage, an invoice
# made anew.
"$meter" apply "$here/golden-1.yaml"
python3 - <<'EOF' >events.jsonl
import json
number = 0
def event(subscription, kind, timestamp, value=None, **properties):
    global number
    number += 1
    e = {"id": f"e{number}", "subscription": subscription, "type": kind, "timestamp": timestamp, "properties": properties}
    if value is not None:
        e["value"] = value
    print(json.dumps(e))
for month in ("01", "02", "03"):
    for day in range(11, 28, 2):
        event("acme", "call", f"2026-{month}-{day}T07:{day}:59.999999Z")
        event("acme", "llm", f"2026-{month}-{day}T08:00:{day}Z", tokens=str(day * 123457), model="large" if day % 3 else "small")
        event("globex", "call", f"2026-{month}-{day}T23:30:00Z")
        event("initech", "llm", f"2026-{month}-{day}T00:00:00Z", tokens=str(day))
    for day, amount in ((12, "19.95"), (13, "120.05"), (28, "0.01")):
        event("acme", "sale", f"2026-{month}-{day}T12:00:00Z", amount=amount)
        event("acme", "load", f"2026-{month}-{day}T12:00:01Z", peak=str(day * 3), ms=f"{day}.125")
        event("acme", "login", f"2026-{month}-{day}T12:00:02Z", user=f"u{day % 2}")
        event("acme", "seats", f"2026-{month}-{day}T10:20:30.5Z", str(day - 10))
for day in range(2, 20):
    event("tokyo", "call", f"2026-03-{day:02d}T15:00:00Z")
EOF
"$meter" replay events.jsonl
"$meter" invoice --due --at 2026-04-02T00:00:00Z
# Late: acme used more in January, globex less. An adjustment of its own, and one on the next invoice.
echo '{"id":"late1","subscription":"acme","type":"llm","timestamp":"2026-01-20T00:00:00Z","properties":{"tokens":"1000001","model":"large"}}' >late.jsonl
echo '{"id":"late2","subscription":"globex","type":"call","timestamp":"2026-02-20T00:00:00Z"}' >>late.jsonl
"$meter" replay late.jsonl
"$meter" invoice acme --adjust --at 2026-04-03T00:00:00Z
"$meter" invoice INV-000003 --regenerate --reason "golden" --at 2026-04-03T00:00:00Z || [ $? -eq 3 ]
"$meter" invoice --due --at 2026-05-02T00:00:00Z
