#!/usr/bin/env python3
"""Bill random subscriptions whose plan, price, trial, pause, start or end lie inside the month, and compare every line with the rules
written down a second time, in fractions.

usage: time_oracle.py METER [COUNT [SEED]]

A period is cut where something changes; each part is rated with its own usage, and what a plan states per period is divided by time:
under proration: time over the whole period, else over the time that is held. Parts are rounded by largest remainder.
"""
import json
import random
import subprocess
import sys
import tempfile
from fractions import Fraction
from pathlib import Path

MONTH = 31 * 86400  # January 2026, in seconds; times below are seconds from its start
CENT = Fraction(1, 100)


def stamp(second):
    """A time near January 2026."""
    day, rest = divmod(second, 86400)
    month, day = ("01", day) if 0 <= day < 31 else ("02", day - 31) if day >= 31 else ("12", day + 31)
    year = 2025 if month == "12" else 2026
    return f"{year}-{month}-{day + 1:02d}T{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}Z"


# ---- the rules, a second time ----


def half_up(exact, unit=CENT):
    return (2 * exact / unit + 1) // 2 * unit


def parts(value, weights, total, unit):
    """What of value falls to each weight of total."""
    if total == 0:
        return [Fraction(0)] * len(weights)
    if len([w for w in weights if w]) == 1 and total in weights:
        return [value if w else Fraction(0) for w in weights]
    exact = [value * w / total for w in weights]
    floors = [e // unit * unit for e in exact]
    missing = (half_up(value * sum(weights) / total, unit) - sum(floors)) / unit
    order = sorted(range(len(weights)), key=lambda i: (floors[i] - exact[i], i))
    for i in order[:int(missing)]:
        floors[i] += unit
    return floors


def version_at(plan, second):
    return max((v for v in plan if v["from"] <= second), key=lambda v: v["from"])


def segments_of(subscription, plans):
    start, end = max(0, subscription["from"]), min(MONTH, subscription.get("until", MONTH))
    cuts = {start, end}
    for change in subscription["plans"]:
        cuts.add(change[0])
        cuts.update(version["from"] for version in plans[change[1]])
    cuts.add(subscription.get("trial", start))
    cuts = sorted(c for c in cuts if start <= c <= end)
    held = lambda second: [key for since, key in subscription["plans"] if since <= second][-1]
    found = []
    for a, b in zip(cuts, cuts[1:]):
        key = held(a)
        version = version_at(plans[key], a)
        if found and found[-1]["key"] == key and found[-1]["version"] is version and found[-1]["trial"] == (a < subscription.get("trial", start)):
            found[-1]["to"] = b
        else:
            found.append({"key": key, "version": version, "from": a, "to": b, "trial": a < subscription.get("trial", start)})
    for s in found:
        s["weight"] = s["to"] - s["from"] - sum(max(0, min(s["to"], q) - max(s["from"], p)) for p, q in subscription["pauses"])
    return found


def lines_of(subscription, plans, events):
    found, lines, total = segments_of(subscription, plans), [], Fraction(0)
    weights = [s["weight"] for s in found]
    for i, s in enumerate(found):
        segment_sum = Fraction(0)
        for charge in s["version"]["charges"]:
            whole = MONTH if charge["proration"] == "time" else sum(weights)
            part = lambda text, unit: parts(Fraction(text), weights, whole, unit)[i]
            if charge["model"] == "flat":
                amount = part(charge["amount"], CENT)
                if s["weight"] == 0:
                    continue
                lines.append((charge["key"], "flat", amount))
            else:
                used = sum(s["from"] <= e < s["to"] for e in events)
                quantity = max(Fraction(0), used - part(charge["included"], Fraction(1)))
                amount = half_up(quantity * Fraction(charge["price"]))
                lines.append((charge["key"], "usage", amount))
                least = part(charge["minimum"], CENT)
                if least > amount:
                    lines.append((charge["key"], "minimum", least - amount))
                    amount = least
            segment_sum += amount
        if s["trial"] and segment_sum:
            lines.append((None, "discount", -segment_sum))
            segment_sum = Fraction(0)
        total += segment_sum
    return lines, total


# ---- random subscriptions ----


def moment(rng, low=0, high=MONTH):
    """Often a midnight."""
    second = rng.randint(low, high - 1)
    return second // 86400 * 86400 if rng.random() < 0.4 and second // 86400 * 86400 >= low else second


def make_plan(rng):
    versions = []
    for since in sorted({-86400 * 31} | {moment(rng, 1) for _ in range(rng.choice([0, 1, 1, 2]))}):
        versions.append({"from": since, "charges": [
            {"key": "base", "model": "flat", "amount": rng.choice(["0.10", "49.00", "31.00", "0.01"]), "proration": rng.choice(["none", "time"])},
            {"key": "calls", "model": "unit", "price": rng.choice(["0.07", "1", "2.5"]), "included": rng.choice(["0", "3", "100"]),
             "minimum": rng.choice(["0", "0", "10.00"]), "proration": rng.choice(["none", "time"])}]})
    return versions


def make_subscription(rng):
    start = rng.choice([-86400 * 10, -86400 * 10, moment(rng)])
    subscription = {"from": start, "plans": [(start, rng.choice("ab"))], "pauses": []}
    low = max(1, start + 1)
    if rng.random() < 0.4 and low < MONTH - 10:
        subscription["plans"].append((moment(rng, low), rng.choice("ab")))
    last = subscription["plans"][-1][0]
    if rng.random() < 0.3 and max(low, last + 1) < MONTH - 10:
        subscription["until"] = moment(rng, max(low, last + 1))
        if subscription["until"] <= last:
            del subscription["until"]
    if rng.random() < 0.3:
        subscription["trial"] = moment(rng)
    edges = sorted({moment(rng) for _ in range(rng.choice([0, 0, 2, 4]))})
    subscription["pauses"] = list(zip(edges[::2], edges[1::2]))
    return subscription


def catalog(plans, subscriptions):
    lines = ["version: 1", "meters:", "  calls: {event_type: call, aggregation: count}", "plans:"]
    for key, versions in plans.items():
        for version in versions:
            lines.append(f"  - key: {key}\n    currency: USD\n    period: month\n    effective_from: {stamp(version['from'])}\n    charges:")
            for c in version["charges"]:
                rest = f"amount: \"{c['amount']}\"" if c["model"] == "flat" else \
                    f"meter: calls, price: \"{c['price']}\", included: {c['included']}, minimum: \"{c['minimum']}\""
                lines.append(f"      - {{key: {c['key']}, model: {c['model']}, proration: {c['proration']}, {rest}}}")
    lines.append("subscriptions:")
    for key, s in subscriptions.items():
        held = ", ".join(f"{{plan: {plan}, from: {stamp(since)}}}" for since, plan in s["plans"])
        extra = "".join(f", {name}: {stamp(s[field])}" for name, field in (("until", "until"), ("trial_until", "trial")) if field in s)
        pauses = ", ".join(f"{{from: {stamp(a)}, until: {stamp(b)}}}" for a, b in s["pauses"])
        lines.append(f"  {key}: {{customer: c, plan: [{held}]{extra}, pauses: [{pauses}]}}")
    return "\n".join(lines) + "\n"


def run_round(meter, rng, count, folder):
    """None, or a difference."""
    plans = {key: make_plan(rng) for key in "ab"}
    subscriptions = {f"s{i}": make_subscription(rng) for i in range(count)}
    events = {key: [moment(rng) for _ in range(rng.randint(0, 12))] for key in subscriptions}
    path, database = folder / "catalog.yaml", folder / "time.db"
    path.write_text(catalog(plans, subscriptions))
    (folder / "events.jsonl").write_text("".join(
        json.dumps({"id": str(i), "subscription": key, "type": "call", "timestamp": stamp(e)}) + "\n"
        for key, list_ in events.items() for i, e in enumerate(list_)))
    for command in (["apply", str(path)], ["replay", str(folder / "events.jsonl")]):
        subprocess.run([meter, "-d", str(database), *command], check=True, capture_output=True)
    for key, s in subscriptions.items():
        run = subprocess.run([meter, "-d", str(database), "invoice", key, "--period", "2026-01", "--json"], capture_output=True, text=True,
                             check=False)
        want, total = lines_of(s, plans, events[key])
        if run.returncode != 0:
            return f"{key}: {run.stderr}\n{catalog(plans, {key: s})}"
        invoice = json.loads(run.stdout)
        got = [(line["charge"], line["kind"], Fraction(line["amount"])) for line in invoice["lines"]]
        if got != want or Fraction(invoice["total"]) != total:
            show = lambda lines: "\n".join(f"  {c} {k} {float(a)}" for c, k, a in lines)
            return f"{catalog(plans, {key: s})}events {sorted(map(stamp, events[key]))}\nexpected\n{show(want)}\n{total}\ngot\n{show(got)}\n{invoice['total']}"
    for file in folder.glob("time.db*"):
        file.unlink()
    return None


def main():
    if not 2 <= len(sys.argv) <= 4:
        sys.exit(__doc__)
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 500
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    rng, passed = random.Random(seed), 0
    assert parts(Fraction("0.10"), [10, 10, 11], 31, CENT) == [Fraction(3, 100), Fraction(3, 100), Fraction(4, 100)]
    with tempfile.TemporaryDirectory() as folder:
        while passed < count:
            size = min(50, count - passed)
            found = run_round(sys.argv[1], rng, size, Path(folder))
            if found is not None:
                print(f"seed {seed}, after {passed}\n{found}\n{passed} passed, 1 failed")
                sys.exit(1)
            passed += size
    print(f"{passed} passed, 0 failed")


if __name__ == "__main__":
    main()
