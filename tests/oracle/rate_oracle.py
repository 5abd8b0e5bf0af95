#!/usr/bin/env python3
"""Rate random plans with `meter quote` and with the rules written down a second time, in fractions, and compare every line.

usage: rate_oracle.py METER [COUNT [SEED]]

Shares nothing with libmeter but the meaning of a plan. The first difference is shown with its seed, plan and command, and ends the run with 1.
"""
import json
import random
import subprocess
import sys
import tempfile
from fractions import Fraction
from pathlib import Path

PLANS_PER_CATALOG = 50
AT = "2026-01-15T00:00:00Z"
STARTS = ["2025-06-01T00:00:00Z", "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"]
ENDS = ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00.000001Z", "2027-01-01T00:00:00Z"]
PERIOD_START = "2026-01-01T00:00:00Z"
EXPONENTS = {"JPY": 0, "USD": 2, "EUR": 2, "KWD": 3}
DIMENSIONS = ["model", "kind"]
VALUES = {"model": ["a", "b", "large-1"], "kind": ["in", "out"]}
METERS = {"m0": "sum", "m1": "sum", "m2": "max", "m3": "min"}


class Plain(str):
    """A text that YAML gets without quotes."""


# ---- the rules, a second time ----


class Rater:
    def __init__(self, plan, start=PERIOD_START):
        self.plan = plan
        self.start = start
        self.unit = Fraction(1, 10 ** EXPONENTS[plan["currency"]])
        self.lines = []

    def round(self, exact):
        units = abs(exact) / self.unit
        if self.plan.get("rounding", "half_up") == "half_even":
            whole = round(units)
        else:
            whole = (2 * units + 1) // 2
        return whole * self.unit * (-1 if exact < 0 else 1)

    def add(self, charge, kind, quantity, price, per=Fraction(1)):
        exact = quantity * price / per
        self.lines.append((charge, kind, quantity, price, per, exact, self.round(exact)))

    def suspend(self, charge, quantity):
        self.lines.append((charge, "suspended", quantity, None, None, None, None))

    def comes_to(self, charge):
        return sum((line[6] for line in self.lines if line[0] == charge and line[6] is not None), Fraction(0))

    def limits(self, charge, owner, sum_now):
        if "minimum" in owner:
            missing = self.round(Fraction(owner["minimum"])) - sum_now
            if missing > 0:
                self.add(charge, "minimum", Fraction(1), missing)
                sum_now += missing
        if "maximum" in owner:
            surplus = sum_now - self.round(Fraction(owner["maximum"]))
            if surplus > 0:
                self.add(charge, "maximum", Fraction(-1), surplus)

    def discount(self, charge, discount, base):
        """Add the line; returns what it takes."""
        if base == 0:
            return Fraction(0)
        if "percent" in discount:
            self.add(charge, "discount", -base, Fraction(discount["percent"]), Fraction(100))
        else:
            self.add(charge, "discount", Fraction(-1), min(base, self.round(Fraction(discount["amount"]))))
        return -self.lines[-1][6]

    def tier(self, charge, tier, quantity):
        key, per = charge["key"], Fraction(charge.get("per", 1))
        if charge["model"] == "graduated_percentage":
            per, tier = Fraction(100), {("price" if name == "rate" else name): value for name, value in tier.items()}
        is_due = quantity > 0 or charge.get("flat_at_zero", False)
        flat = Fraction(tier.get("flat", 0))
        if "price" in tier:
            self.add(key, "usage", quantity, Fraction(tier["price"]), per)
            if is_due and flat != 0:
                self.add(key, "flat", Fraction(1), flat)
        elif is_due:
            self.add(key, "flat", Fraction(1), flat)
        else:
            self.add(key, "usage", quantity, Fraction(0), per)

    def rates(self, charge, groups):
        key, per = charge["key"], Fraction(charge.get("per", 1))
        matched, rest = [[] for _ in charge["rates"]], []
        for dimensions, quantity in groups:
            fits = [i for i, rate in enumerate(charge["rates"])
                    if all(dimensions.get(name) == value for name, value in rate.get("match", {}).items())]
            (matched[fits[0]] if fits else rest).append(quantity)
        for rate, quantities in zip(charge["rates"], matched):
            if quantities:
                used = self.carry(charge, aggregate(charge["meter"], quantities))
                self.add(key, "usage", converted(charge, used), Fraction(rate["price"]), per)
        unmatched = charge.get("unmatched", "suspend")
        if rest and unmatched == "suspend":
            for quantity in rest:
                self.suspend(key, quantity)
        elif rest:
            price = Fraction(0) if unmatched == "free" else Fraction(unmatched["price"])
            used = self.carry(charge, aggregate(charge["meter"], rest))
            self.add(key, "usage", converted(charge, used), price, per)
        elif not groups:
            self.add(key, "usage", Fraction(0), Fraction(charge["rates"][0]["price"]), per)

    def model(self, charge, groups):
        key, model, per = charge["key"], charge["model"], Fraction(charge.get("per", 1))
        if model == "flat":
            self.add(key, "flat", Fraction(1), Fraction(charge["amount"]))
            return
        if "rates" in charge:
            self.rates(charge, groups)
            return
        if needs_events(charge):
            self.single_events(charge, [quantity for _, quantity in groups])
        elif "group_by" in charge and groups:
            parts = {}
            for dimensions, quantity in groups:
                name = tuple((dimensions.get(d) is not None, dimensions.get(d, "")) for d in charge["group_by"])
                parts.setdefault(name, []).append(quantity)
            for name in sorted(parts):
                self.quantity(charge, aggregate(charge["meter"], parts[name]), len(parts[name]))
        else:
            self.quantity(charge, aggregate(charge["meter"], [quantity for _, quantity in groups]), len(groups))

    def quantity(self, charge, used, events):
        """One quantity by the model."""
        key, model, per = charge["key"], charge["model"], Fraction(charge.get("per", 1))
        quantity = converted(charge, self.carry(charge, used))
        for discount in charge.get("discounts", []):
            if "units" in discount and self.in_force(discount):
                quantity = max(Fraction(0), quantity - Fraction(discount["units"]))
        quantity = max(Fraction(0), quantity - Fraction(charge.get("included", 0)) - Fraction(charge.get("free_units", 0)))
        if model == "unit":
            self.add(key, "usage", quantity, Fraction(charge["price"]), per)
        elif model == "package":
            self.add(key, "usage", Fraction(-(-quantity // per)), Fraction(charge["price"]))
        elif model == "dynamic":
            self.add(key, "usage", quantity, Fraction(charge.get("multiplier", 1)))
        elif model == "percentage":
            self.percentage(charge, quantity, events)
        elif model == "volume":
            self.tier(charge, next(t for t in charge["tiers"] if "up_to" not in t or quantity <= Fraction(t["up_to"])), quantity)
        else:
            edges = [Fraction(0)] + [Fraction(t["up_to"]) for t in charge["tiers"][:-1]]
            parts = [(t, min(quantity, Fraction(t["up_to"])) - edge if "up_to" in t else quantity - edge)
                     for t, edge in zip(charge["tiers"], edges)]
            for position, (tier, part) in enumerate(parts):
                if part > 0 or position == 0:
                    self.tier(charge, tier, part)

    def percentage(self, charge, base, events):
        self.add(charge["key"], "usage", base, Fraction(charge["rate"]), Fraction(100))
        if Fraction(charge.get("per_event", 0)) != 0:
            self.add(charge["key"], "usage", Fraction(events), Fraction(charge["per_event"]))

    def single_events(self, charge, values):
        left, base, raised, cut = Fraction(charge.get("free_units", 0)), Fraction(0), Fraction(0), Fraction(0)
        counted = values[int(charge.get("free_events", 0)):]
        for value in counted:
            free = min(max(value, Fraction(0)), left)
            left, base = left - free, base + value - free
            if value < 0:
                continue
            fee = (value - free) * Fraction(charge["rate"]) / 100 + Fraction(charge.get("per_event", 0))
            if "event_minimum" in charge and fee < Fraction(charge["event_minimum"]):
                raised += Fraction(charge["event_minimum"]) - fee
            elif "event_maximum" in charge and fee > Fraction(charge["event_maximum"]):
                cut += fee - Fraction(charge["event_maximum"])
        self.percentage(charge, max(Fraction(0), self.carry(charge, base)), len(counted))
        if raised:
            self.add(charge["key"], "minimum", Fraction(1), raised)
        cut = min(cut, self.comes_to(charge["key"]))  # refunds may have left less
        if cut:
            self.add(charge["key"], "maximum", Fraction(-1), cut)

    def carry(self, charge, used):
        """A sum below zero is shown, and goes into the next period; this one bills 0."""
        if METERS[charge["meter"]] == "sum" and used < 0:
            self.add(charge["key"], "carried", used, Fraction(0))
        return used

    def in_force(self, discount):
        return instant(discount.get("from", "")) <= instant(self.start) < instant(discount.get("until", "9"))

    def rate(self, usage):
        subtotal, total, left = self.rate_plan(usage)
        taxes = {}
        self.add_taxed(taxes, left)
        self.rate_taxes(taxes)
        return subtotal, total + self.tax

    def rate_plan(self, usage):
        """Everything but tax: (subtotal, total, what is left of each charge)."""
        charges = self.plan["charges"]
        for charge in charges:
            groups = usage.get(charge.get("meter"), [])
            key = charge["key"]
            self.model(charge, groups)
            self.limits(key, charge, self.comes_to(key))
            for discount in filter(self.in_force, charge.get("discounts", [])):
                if "units" in discount:
                    continue
                self.discount(key, discount, self.comes_to(key))
        left = {charge["key"]: self.comes_to(charge["key"]) for charge in charges}
        subtotal = sum(left.values())
        for discount in filter(self.in_force, self.plan.get("discounts", [])):
            keys = [key for key in left if key in discount.get("applies_to", left)]
            base = sum(left[key] for key in keys)
            taken = self.discount(None, discount, base)
            if taken:
                self.share(left, keys, base, -taken)
        for name, sign in (("minimum", 1), ("maximum", -1)):
            now = subtotal + self.comes_to(None)
            if name in self.plan:
                missing = sign * (self.round(Fraction(self.plan[name])) - now)
                if missing > 0:
                    self.add(None, name, Fraction(sign), missing)
                    self.share(left, list(left), sum(left.values()), sign * missing)
        return subtotal, subtotal + self.comes_to(None), left

    def add_taxed(self, taxes, left):
        for charge in self.plan["charges"]:
            if "tax" in charge:
                name = (charge["tax"]["category"], Fraction(charge["tax"]["percent"]))
                taxes[name] = taxes.get(name, Fraction(0)) + left[charge["key"]]

    def rate_taxes(self, taxes):
        for (_, percent), base in taxes.items():
            self.add(None, "tax", base, percent, Fraction(100))
        self.tax = sum((line[6] for line in self.lines if line[1] == "tax"), Fraction(0))

    def share(self, left, keys, base, amount):
        """Each charge bears its share rounded down; what is then missing, those whose share lost most, a unit each."""
        if base == 0:
            left[next(iter(left))] += amount
            return
        exact = {key: abs(amount) * left[key] / base for key in keys}
        parts = {key: exact[key] // self.unit * self.unit for key in keys}
        missing = int((abs(amount) - sum(parts.values())) / self.unit)
        for key in sorted(keys, key=lambda key: parts[key] - exact[key])[:missing]:
            parts[key] += self.unit
        for key in keys:
            left[key] += (-1 if amount < 0 else 1) * parts[key]


def needs_events(charge):
    return int(charge.get("free_events", 0)) > 0 or "event_minimum" in charge or "event_maximum" in charge


def half_up(exact, unit):
    return (2 * exact / unit + 1) // 2 * unit


def converted(charge, used):
    """What convert and round make of a quantity; nothing below 0 is billed."""
    quantity = max(Fraction(0), used)
    convert = charge.get("convert", {})
    quantity = quantity * Fraction(convert.get("multiply_by", 1)) / Fraction(convert.get("divide_by", 1))
    if "round" not in charge:
        return half_up(quantity, Fraction(1, 10 ** 18)) if "divide_by" in convert else quantity
    to, mode = Fraction(charge["round"]["to"]), charge["round"]["mode"]
    if mode == "half_up":
        return half_up(quantity, to)
    return (-(-quantity // to) if mode == "up" else quantity // to) * to


def aggregate(meter, quantities):
    if not quantities:
        return Fraction(0)
    return {"sum": sum, "max": max, "min": min}[METERS[meter]](quantities)


def instant(text):
    """Something that orders the times used here: all are in UTC and of one form up to the second."""
    return text.rstrip("Z")


# ---- random plans ----


def number(rng, top, places=6):
    """A decimal text from 0 to top, often a round one."""
    digits = rng.choice([0, 0, 1, 2, places])
    scaled = rng.randint(0, top * 10 ** digits)
    return f"{scaled // 10 ** digits}.{scaled % 10 ** digits:0{digits}d}" if digits else str(scaled)


def money(rng, top):
    text = number(rng, top)
    return Plain(text) if rng.random() < 0.3 else text


def positive(rng, top):
    while True:
        text = number(rng, top, 3)
        if Fraction(text) > 0:
            return text


def make_discount(rng, keys, has_units=False):
    discount = {}
    if has_units and rng.random() < 0.3:
        discount["units"] = number(rng, 100)
    elif rng.random() < 0.6:
        discount["percent"] = rng.choice(["10", "100", "33.3", "0.5", number(rng, 100, 3)])
        if Fraction(discount["percent"]) > 100:
            discount["percent"] = "100"
    else:
        discount["amount"] = positive(rng, rng.choice([5, 500]))
    if rng.random() < 0.3:
        discount["from"] = Plain(rng.choice(STARTS))
    if rng.random() < 0.3:
        discount["until"] = Plain(rng.choice([end for end in ENDS if instant(end) > instant(discount.get("from", ""))]))
    if keys and rng.random() < 0.5:
        discount["applies_to"] = rng.sample(keys, rng.randint(1, len(keys)))
    if rng.random() < 0.5:
        discount["reason"] = "launch offer"
    return discount


def add_limits(rng, owner, top):
    if rng.random() < 0.25:
        owner["minimum"] = money(rng, top)
    if rng.random() < 0.25:
        floor = Fraction(owner.get("minimum", 0))
        owner["maximum"] = next(text for text in iter(lambda: number(rng, top * 2), None) if Fraction(text) >= floor)


def make_tiers(rng, price="price"):
    tiers, edge = [], Fraction(0)
    count = rng.randint(1, 4)
    for position in range(count):
        tier = {}
        if position + 1 < count:
            edge += Fraction(positive(rng, rng.choice([3, 100, 1000])))
            tier["up_to"] = decimal(edge)
        if rng.random() < 0.8:
            tier[price] = money(rng, rng.choice([1, 20]))
        if price not in tier or rng.random() < 0.3:
            tier["flat"] = money(rng, 50)
        tiers.append(tier)
    return tiers


def make_percentage(rng, charge):
    charge["rate"] = number(rng, 10, 3)
    charge["meter"] = rng.choice([meter for meter, aggregation in METERS.items() if aggregation == "sum"])
    if rng.random() < 0.5:
        charge["per_event"] = number(rng, 1, 2)
    if rng.random() < 0.4:
        charge["free_units"] = number(rng, 100)
    if rng.random() < 0.3:
        charge["free_events"] = str(rng.randint(0, 3))
    if rng.random() < 0.3:
        charge["event_minimum"] = number(rng, 2, 2)
    if rng.random() < 0.3:
        floor = Fraction(charge.get("event_minimum", 0))
        charge["event_maximum"] = next(text for text in iter(lambda: number(rng, 20, 2), None) if Fraction(text) >= floor)


def make_quantity_rules(rng, charge, model):
    if rng.random() < 0.2:
        charge["convert"] = {rng.choice(["divide_by", "multiply_by"]): rng.choice(["3", "60", "1024", "0.5", "7"])}
    if rng.random() < 0.2:
        charge["round"] = {"to": rng.choice(["1", "0.1", "15", "1000"]), "mode": Plain(rng.choice(["up", "down", "half_up"]))}
    if model != "rates" and rng.random() < 0.2:
        charge["group_by"] = rng.sample(DIMENSIONS, rng.randint(1, 2))


def make_charge(rng, key):
    model = rng.choice(["flat", "unit", "rates", "graduated", "graduated", "volume", "volume", "package", "percentage", "percentage",
                        "graduated_percentage", "dynamic"])
    is_priced = model in ("unit", "rates", "graduated", "volume", "package")
    charge = {"key": key, "model": "unit" if model == "rates" else model}
    if model == "flat":
        charge["amount"] = money(rng, 100)
        if rng.random() < 0.5:
            charge["proration"] = Plain("time")
    else:
        charge["meter"] = rng.choice(list(METERS))
        if is_priced and rng.random() < 0.5:
            charge["per"] = rng.choice(["3", "7", "10", "1000", positive(rng, 20)])
        if is_priced and model != "rates" and rng.random() < 0.4:
            charge["included"] = number(rng, 100)
    if model == "percentage":
        make_percentage(rng, charge)
    elif model == "dynamic":
        if rng.random() < 0.5:
            charge["multiplier"] = number(rng, 3)
    elif model in ("graduated", "volume", "graduated_percentage"):
        charge["tiers"] = make_tiers(rng, "rate" if model == "graduated_percentage" else "price")
        if rng.random() < 0.3:
            charge["flat_at_zero"] = Plain("true")
    elif model == "rates":
        charge["rates"] = []
        for _ in range(rng.randint(1, 4)):
            match = {name: rng.choice(VALUES[name]) for name in DIMENSIONS if rng.random() < 0.6}
            charge["rates"].append({"match": match, "price": money(rng, 20)})
        if rng.random() < 0.7:
            charge["unmatched"] = rng.choice([Plain("suspend"), Plain("free"), {"price": money(rng, 20)}])
    elif model != "flat":
        charge["price"] = money(rng, 20)
    if model != "flat" and not needs_events(charge):
        make_quantity_rules(rng, charge, model)
    if rng.random() < 0.4:
        charge["tax"] = {"category": rng.choice(["VAT", "reduced"]), "percent": rng.choice(["19", "7", "8.875", "0"])}
    add_limits(rng, charge, 200)
    if rng.random() < 0.4:
        charge["discounts"] = [make_discount(rng, None, is_priced and model != "rates") for _ in range(rng.randint(1, 3))]
    return charge


def make_plan(rng, key):
    plan = {"key": key, "currency": rng.choice(list(EXPONENTS)), "period": Plain("month"),
            "effective_from": Plain("2026-01-01T00:00:00Z")}
    if rng.random() < 0.6:
        plan["rounding"] = Plain(rng.choice(["half_up", "half_even"]))
    add_limits(rng, plan, 1000)
    plan["charges"] = [make_charge(rng, f"c{i}") for i in range(rng.randint(1, 4))]
    if rng.random() < 0.5:
        keys = [charge["key"] for charge in plan["charges"]]
        plan["discounts"] = [make_discount(rng, keys) for _ in range(rng.randint(1, 3))]
    return plan


def make_quantity(rng, plan, meter):
    """Often right at, or just beside, the place where something changes."""
    charge = rng.choice([c for c in plan["charges"] if c.get("meter") == meter])
    edges = [Fraction(t["up_to"]) for t in charge.get("tiers", []) if "up_to" in t]
    if charge["model"] == "package":
        edges.append(Fraction(charge.get("per", 1)) * rng.randint(1, 9))
    if rng.random() < 0.4:
        edge = Fraction(charge.get("included", 0)) + (rng.choice(edges) if edges else 0)
        return edge + rng.choice([Fraction(-1, 1000000), Fraction(0), Fraction(0), Fraction(1, 1000000)])
    sign = -1 if rng.random() < 0.05 else 1
    return sign * Fraction(number(rng, rng.choice([3, 300, 5000, 10 ** 12])))


def make_usage(rng, plan):
    usage = {}
    for meter in sorted({charge["meter"] for charge in plan["charges"] if "meter" in charge}):
        combinations = [{}] + [{name: value} for name in DIMENSIONS for value in VALUES[name]]
        combinations += [{"model": model, "kind": kind} for model in VALUES["model"] for kind in VALUES["kind"]]
        chosen = rng.sample(combinations, rng.choice([0, 1, 1, 2, 4]))
        if chosen:
            usage[meter] = [(dimensions, make_quantity(rng, plan, meter)) for dimensions in chosen]
    return usage


# ---- texts ----


def decimal(fraction):
    """The text of a fraction that is a decimal of at most 12 places."""
    scaled = fraction * 10 ** 12
    assert scaled.denominator == 1
    sign, digits = "-" if scaled < 0 else "", f"{abs(scaled.numerator):013d}"
    return (sign + digits[:-12] + "." + digits[-12:]).rstrip("0").rstrip(".")


def flow(value):
    if isinstance(value, Plain):
        return str(value)
    if isinstance(value, str):
        return json.dumps(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {flow(item)}" for key, item in value.items()) + "}"
    return "[" + ", ".join(flow(item) for item in value) + "]"


def catalog(plans):
    lines = ["version: 1", "meters:"]
    for key, aggregation in METERS.items():
        lines.append(f"  {key}: {{event_type: {key}.used, aggregation: {aggregation}, dimensions: [model, kind], unit: unit}}")
    lines.append("plans:")
    for plan in plans:
        head = [item for item in plan.items() if item[0] != "charges"]
        lines += [("  - " if i == 0 else "    ") + f"{name}: {flow(value)}" for i, (name, value) in enumerate(head)]
        lines.append("    charges:")
        lines += [f"      - {flow(charge)}" for charge in plan["charges"]]
    return "\n".join(lines) + "\n"


def usage_options(usage):
    options = []
    for meter, groups in usage.items():
        for dimensions, quantity in groups:
            names = ",".join(f"{name}={value}" for name, value in dimensions.items())
            options += ["--usage", f"{meter}{{{names}}}={decimal(quantity)}" if names else f"{meter}={decimal(quantity)}"]
    return options


# ---- comparing ----


def in_order(lines):
    """The suspended lines of a charge have no order of their own."""
    out, run = [], []
    for line in lines:
        if line[1] == "suspended":
            run.append(line)
            continue
        out += sorted(run, key=lambda item: item[2]) + [line]
        run = []
    return out + sorted(run, key=lambda item: item[2])


def read_lines(invoice):
    def fraction(text):
        return None if text is None else Fraction(text)
    return [(line["charge"], line["kind"], *(fraction(line[name]) for name in ("quantity", "price", "per", "exact", "amount")))
            for line in invoice["lines"]]


def show(lines):
    return "\n".join("  " + " ".join("-" if part is None else str(part) for part in line) for line in lines)


def difference(plan, usage, run):
    """None, or what differs as text."""
    rater = Rater(plan)
    subtotal, total = rater.rate(usage)
    suspended = sum(line[1] == "suspended" for line in rater.lines)
    status = 3 if suspended else 0
    if run.returncode != status:
        return f"expected exit {status}, got {run.returncode}: {run.stderr.strip()}"
    invoice = json.loads(run.stdout)
    want, got = in_order(rater.lines), in_order(read_lines(invoice))
    if want != got:
        return f"expected lines\n{show(want)}\ngot\n{show(got)}"
    for name, expected in (("subtotal", subtotal), ("tax", rater.tax), ("total", total), ("due", total)):
        if Fraction(invoice[name]) != expected:
            return f"expected {name} {expected}, got {invoice[name]}"
    if invoice["suspended"] != suspended or invoice["currency"] != plan["currency"] or invoice["plan"] != plan["key"]:
        return f"expected {suspended} suspended, {plan['currency']}, {plan['key']}, got {run.stdout}"
    return None


def check_rules():
    """The rules above on the worked example of the catalog's documentation."""
    plan = {"key": "p", "currency": "USD", "charges": [{
        "key": "calls", "meter": "m0", "model": "graduated", "included": "100000", "per": "1000",
        "tiers": [{"up_to": "1000000", "price": "0.50", "flat": "0"}, {"price": "0.40"}],
        "discounts": [{"percent": "10", "until": "2026-04-01T00:00:00Z"}]}]}
    rater = Rater(plan)
    assert rater.rate({"m0": [({}, Fraction(1234567))]}) == (Fraction("498.45"), Fraction("498.45"))
    assert [line[6] for line in rater.lines] == [Fraction("500"), Fraction("53.83"), Fraction("-55.38")]
    assert rater.lines[1][5] == Fraction("53.8268")


def main():
    if not 2 <= len(sys.argv) <= 4:
        sys.exit(__doc__)
    meter = sys.argv[1]
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 500
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    check_rules()
    rng = random.Random(seed)
    passed = 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "catalog.yaml"
        while passed < count:
            plans = [make_plan(rng, f"p{i}") for i in range(min(PLANS_PER_CATALOG, count - passed))]
            path.write_text(catalog(plans))
            for plan in plans:
                usage = make_usage(rng, plan)
                command = [meter, "quote", str(path), "--plan", plan["key"], *usage_options(usage), "--at", AT, "--json"]
                run = subprocess.run(command, capture_output=True, text=True, check=False)
                found = difference(plan, usage, run)
                if found is not None:
                    print(f"seed {seed}, pair {passed + 1}\n{catalog([plan])}\n{' '.join(command)}\n{found}")
                    print(f"{passed} passed, 1 failed")
                    sys.exit(1)
                passed += 1
    print(f"{passed} passed, 0 failed")


if __name__ == "__main__":
    main()
