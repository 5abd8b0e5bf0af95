# golden-2.sh - see make.sh: what golden-2.yaml bills: events that are taken back and corrected, before and after their invoice; a backfill
# that is taken back; credit notes, and adjustments on the next invoice.
"$meter" apply "$here/golden-2.yaml"
python3 - <<'EOF'
import json
def event(file, id, subscription, kind, timestamp, value=None, **properties):
    e = {"id": id, "subscription": subscription, "type": kind, "timestamp": timestamp, "properties": properties}
    if value is not None:
        e["value"] = value
    file.write(json.dumps(e) + "\n")
def back(file, id, subscription, of, timestamp):
    event(file, id, subscription, "meter.retract", timestamp, **{"meter.id": of, "meter.timestamp": timestamp})
with open("events.jsonl", "w") as file:
    for subscription in ("kuwait", "muscat", "umbrella"):
        for month in ("01", "02", "03"):
            for day in range(20, 28):
                at = f"2026-{month}-{day}T"
                for n in range(3):
                    event(file, f"c{month}{day}-{n}", subscription, "call", f"{at}{n:02d}:30:{day}.25Z", bytes=str(day * 101 + n),
                          region="eu" if n % 3 else "gulf")
                event(file, f"p{month}{day}", subscription, "probe", f"{at}06:00:00Z", ms=f"{day}.{month}5", level=str(day - 18))
                event(file, f"s{month}{day}", subscription, "sale", f"{at}20:59:59.999999Z", f"{day * 3}.{day}")
    # Never billed: it was wrong, and was taken back before it came.
    back(file, "r-early", "kuwait", "p-wrong", "2026-01-21T00:00:00Z")
    event(file, "p-wrong", "kuwait", "probe", "2026-01-21T00:00:00Z", ms="0.001", level="999")
with open("backfill.jsonl", "w") as file:
    for n in range(40):
        event(file, f"b{n}", "kuwait", "call", f"2026-01-15T10:{n:02d}:00Z", bytes="50", region="eu")
        event(file, f"b{n}", "umbrella", "call", f"2026-01-15T10:{n:02d}:00Z", bytes="50")
with open("changes.jsonl", "w") as file:
    # Of January, when it is billed: the smallest value, the last one, sales; one of those is corrected.
    back(file, "r1", "kuwait", "p0120", "2026-01-20T06:00:00Z")
    back(file, "r2", "kuwait", "p0127", "2026-01-27T06:00:00Z")
    event(file, "r3", "kuwait", "sale", "2026-01-22T20:59:59.999999Z", "4.5",
          **{"meter.id": "s0122", "meter.timestamp": "2026-01-22T20:59:59.999999Z"})
    back(file, "r4", "umbrella", "s0127", "2026-01-27T20:59:59.999999Z")
    # And of February, which is not.
    back(file, "r5", "kuwait", "p0220", "2026-02-20T06:00:00Z")
    event(file, "late", "muscat", "probe", "2026-01-25T00:00:00Z", ms="1.5", level="3")
EOF
"$meter" replay events.jsonl
"$meter" replay --backfill "gateway 2" backfill.jsonl
"$meter" invoice --due --at 2026-02-20T00:00:00Z
"$meter" replay changes.jsonl
"$meter" invoice --due --at 2026-02-21T00:00:00Z
"$meter" invoice --due --at 2026-03-20T00:00:00Z
"$meter" backfill retract "gateway 2" --reason "the wrong file"
"$meter" invoice --due --at 2026-04-20T00:00:00Z
"$meter" invoice KW-000004 --regenerate --reason "golden" --at 2026-04-21T00:00:00Z || [ $? -eq 3 ]
"$meter" invoice --due --at 2026-05-20T00:00:00Z
