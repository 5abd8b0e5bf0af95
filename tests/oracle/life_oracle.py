#!/usr/bin/env python3
"""Lead random subscriptions through random histories with `meter`, and compare every document with what an independent model of events,
periods and prices says.

usage: life_oracle.py METER [COUNT [SEED [STEPS]]]

Four named scenarios, then COUNT (20) histories of about STEPS (25) steps; the first has SEED (1), each next one the next seed. The model
keeps all events itself and rates all billed periods anew, in fractions, whenever it is asked: it has no notion of what may have
changed. The first difference is shown with its seed, step and commands, and ends the run with 1; its folder is kept.
"""
import copy
import json
import os
import random
import shlex
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
import traceback
import zoneinfo
from bisect import bisect_right
from concurrent.futures import ProcessPoolExecutor
from datetime import date, datetime, timedelta, timezone
from fractions import Fraction
from pathlib import Path

from cycle_oracle import EPOCH, dates, day_start
from rate_oracle import EXPONENTS, METERS, Plain, Rater, catalog as catalog_text, decimal, instant, make_tiers, money, number, positive
from time_oracle import parts

HOUR, DAY = 3600, 86400
START = 1709251200  # 2024-03-01
UNITS = {"day": DAY, "week": 7 * DAY, "month": 31 * DAY, "quarter": 92 * DAY}
ZONES = ["UTC", "UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Africa/Casablanca", "Australia/Lord_Howe",
         "America/Havana"]
FOREVER = 1 << 40
GAUGE = "g0"  # value times seconds that it is held
RETRACT = "retract"  # in the place of a meter: an event that only takes another one back
METERS[GAUGE] = "max"  # of the one quantity that a segment has
MEMORY = "/dev/shm"  # no process here outlives a loss of power, so nothing needs a disk
VOLATILE = ("status", "voided", "void_reason", "replaced_by")  # what may change of a stored document


class Mismatch(Exception):
    pass


def expect(condition, *what):
    if not condition:
        raise Mismatch(" ".join(str(w) for w in what))


def stamp(second):
    return (EPOCH + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%SZ")


def second_of(text):
    return (datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc) - EPOCH) // timedelta(seconds=1)


# ---- periods, by zoneinfo ----


CYCLES = {}


def cycle(subscription, unit):
    """The starts of periods of a subscription with such periods, and their dates."""
    zone_name = subscription["timezone"]
    zone = zoneinfo.ZoneInfo(zone_name)
    anchor = datetime.fromtimestamp(subscription["from"], zone).date() if subscription["anchor"] == "anniversary" else None
    if (zone_name, unit, anchor) not in CYCLES:
        days = dates(unit, anchor, date(2022, 1, 1), date(2027, 1, 1))
        CYCLES[zone_name, unit, anchor] = [day_start(zone, day) for day in days], days
    return CYCLES[zone_name, unit, anchor]


def plan_at(subscription, second):
    return [change["plan"] for change in subscription["plans"] if change["from"] <= second][-1]


def version_at(catalog, key, second):
    return max((v for v in catalog["plans"][key] if v["from"] <= second), key=lambda v: v["from"])


def stretches(catalog, subscription):
    """(from, to, version) as long as one version of one plan is held, over the life of a subscription."""
    cuts = {subscription["from"], subscription.get("until", FOREVER)}
    cuts.update(change["from"] for change in subscription["plans"])
    for versions in catalog["plans"].values():
        cuts.update(version["from"] for version in versions)
    cuts = sorted(c for c in cuts if subscription["from"] <= c <= subscription.get("until", FOREVER))
    found = []
    for a, b in zip(cuts, cuts[1:]):
        version = version_at(catalog, plan_at(subscription, a), a)
        if found and found[-1][2] is version:
            found[-1] = (found[-1][0], b, version)
        else:
            found.append((a, b, version))
    return found


def period_at(catalog, subscription, second):
    """(whole, active) as pairs; None where there is none."""
    run = None
    for a, b, version in stretches(catalog, subscription):
        if run and run[2] == version["plan"]["period"]:
            run = (run[0], b, run[2])
        elif run and second < run[1]:
            break
        else:
            run = (a, b, version["plan"]["period"])
    if not run or not run[0] <= second < run[1]:
        return None
    starts, _ = cycle(subscription, run[2])
    at = bisect_right(starts, second) - 1
    whole = (starts[at], starts[at + 1])
    return whole, (max(whole[0], run[0]), min(whole[1], run[1]))


# ---- what a period costs ----


def lasting(start, end, pauses):
    return end - start - sum(max(0, min(end, q) - max(start, p)) for p, q in pauses)


def share_of(value, index, weights, total, unit):
    return parts(value, weights, total, unit)[index] if value else value


class PartRater(Rater):
    """Rates one segment: what is stated per period is divided, quantities below zero come from and go to the account."""

    def __init__(self, plan, account, segments, index, whole, weights, held):
        super().__init__(plan, stamp(segments[index][0]))
        self.account, self.index, self.whole = account, index, whole[1] - whole[0]
        self.weights, self.held = weights, max(held, sum(weights))

    def part(self, text, charge, unit):
        total = self.whole if charge.get("proration") == "time" else self.held
        return share_of(Fraction(text), self.index, self.weights, total, unit)

    def terms(self, owner):
        terms = dict(owner)
        for name in ("minimum", "maximum"):
            if name in owner:
                terms[name] = self.part(owner[name], owner, self.unit)
        if "included" in owner:
            terms["included"] = self.part(owner["included"], owner, Fraction(1))
        if "discounts" in owner:
            terms["discounts"] = [dict(d, amount=self.part(d["amount"], owner, self.unit)) if "amount" in d else d
                                  for d in owner["discounts"]]
        if "tiers" in owner:
            terms["tiers"], below, below_part = [], Fraction(0), Fraction(0)
            for tier in owner["tiers"]:
                terms["tiers"].append(dict(tier))
                if "up_to" in tier and self.weights[self.index]:  # nothing would fit into a part of a pause
                    bound = Fraction(tier["up_to"])
                    below_part += self.part(bound - below, owner, Fraction(1))  # widths are divided, so that bounds stay in order
                    below, terms["tiers"][-1]["up_to"] = bound, below_part
                if "flat" in tier:
                    terms["tiers"][-1]["flat"] = self.part(tier["flat"], owner, self.unit)
        return terms

    def model(self, charge, groups):
        total = self.whole if charge.get("proration") == "time" else self.held
        weight = self.weights[self.index]
        if charge["model"] == "flat" and weight == 0:
            return
        if charge["model"] != "flat" or weight == total:
            super().model(charge, groups)
            return
        step = next(unit for unit in (DAY, HOUR, 1) if weight % unit == 0 and total % unit == 0)
        exact = Fraction(charge["amount"]) * weight / total
        self.lines.append((charge["key"], "flat", Fraction(weight, step), Fraction(charge["amount"]), Fraction(total, step), exact,
                           self.part(charge["amount"], charge, self.unit)))

    def carry(self, charge, used):
        if charge["meter"] != "m0":
            return used
        before = self.account.pop(("carried", charge["key"]), Fraction(0))
        if before:
            self.add(charge["key"], "carried", before, Fraction(0))
        used += before
        if used < 0:
            self.add(charge["key"], "carried", used, Fraction(0))
            self.account["carried", charge["key"]] = used
        return max(Fraction(0), used)

    def rate_part(self, usage, is_trial):
        self.plan = self.terms(dict(self.plan, charges=[self.terms(charge) for charge in self.plan["charges"]]))
        if not is_trial:
            return self.rate_plan(usage)
        for name in ("discounts", "minimum", "maximum"):
            self.plan.pop(name, None)
        subtotal, _, left = self.rate_plan(usage)
        if subtotal:
            self.add(None, "discount", Fraction(-1), subtotal)
        return subtotal, Fraction(0), dict.fromkeys(left, Fraction(0))


def held(samples, start, end):
    """Value times seconds from start to end, and whether there was a value at all; samples: {second: value}."""
    total, value, at = Fraction(0), None, start
    for second in sorted(samples):
        if second >= end:
            break
        if second > at:
            total, at = total + (value or 0) * (second - at), second
        value = samples[second]
    return total + (value or 0) * max(0, end - at), value is not None


def quantities(events, start, end, now):
    """The quantity of each meter in one segment. How long a gauge will hold nobody knows yet."""
    usage, samples = {}, {}
    for second, meter, value in events:
        if meter == GAUGE:
            samples[second] = max(value, samples.get(second, value))
        elif start <= second < end:
            usage.setdefault(meter, []).append(value)
    found = {meter: [({}, sum(values) if meter == "m0" else max(values))] for meter, values in usage.items()}
    quantity, is_there = held(samples, start, max(start, min(end, now)))
    return {**found, GAUGE: [({}, quantity)]} if is_there else found


class Grants:
    """Commitments and credits, after everything else."""

    def __init__(self, plan, held, account, left, total):
        self.plan, self.held, self.account, self.left = plan, held, account, left
        self.total, self.lines = total, []
        self.rater = Rater(plan)
        grants = [dict(g, credit=True) for g in plan.get("credits", [])] + [dict(g, credit=False) for g in plan.get("commitments", [])]
        self.grants = sorted(grants, key=lambda g: (int(g.get("priority", 0)), g.get("until", "9"), g["key"]))

    def open_of(self, grant):
        return [key for key in self.left if key in grant.get("applies_to", self.left)]

    def line(self, kind, quantity, price):
        self.lines.append((None, kind, Fraction(quantity), price, Fraction(1), quantity * price, quantity * price))

    def run(self):
        start, end = (instant(stamp(t)) for t in self.held)
        term = lambda g: end > instant(g.get("from", "")) and (start < instant(g.get("until", "9")) or g.get("rollover") == "true")
        ahead = Fraction(0)  # what is paid ahead does not pay for paying ahead
        for g in self.grants:
            amount = self.rater.round(Fraction(g["amount"]))
            if g.get("kind") == "prepaid" and ("bought", g["key"]) not in self.account:
                if end > instant(g["from"]) and start < instant(g["until"]):
                    self.account["bought", g["key"]] = Fraction(1)
                    self.line("commitment", 1, amount)
                    ahead += amount
            elif g.get("kind") == "postpaid" and term(g):
                used = self.account.get(("spent", g["key"]), Fraction(0)) + sum(self.left[k] for k in self.open_of(g))
                self.account["spent", g["key"]] = used
                if start < instant(g["until"]) <= end and used < amount:
                    self.line("commitment", 1, amount - used)
        self.total += sum(line[6] for line in self.lines)
        due = self.total
        for g in self.grants:
            if g.get("kind") == "postpaid" or not term(g) or (g.get("kind") == "prepaid" and ("bought", g["key"]) not in self.account):
                continue
            used = self.account.get(("used", g["key"]), Fraction(0))
            taken = min(self.rater.round(Fraction(g["amount"])) - used, due - ahead if g.get("kind") == "prepaid" else due)
            if "applies_to" in g:
                taken = min(taken, sum(self.left[k] for k in self.open_of(g)))
            if taken <= 0:
                continue
            due -= taken
            self.account["used", g["key"]] = used + taken
            self.line("credit", -1, taken)
            for key in self.open_of(g):
                part = min(self.left[key], taken)
                self.left[key] -= part
                taken -= part
        return due


class Bill:
    """A period as it should be, when what gauges held is known up to now."""

    def __init__(self, catalog, key, period, events, before, now):
        subscription = catalog["subscriptions"][key]
        self.period, self.version, self.before = period, catalog["version"], dict(before)
        whole, (start, end) = period
        segments = [(max(a, start), min(b, end), v["plan"]) for a, b, v in stretches(catalog, subscription) if a < end and b > start]
        trial = subscription.get("trial", 0)
        segments = [(*edges, plan) for a, b, plan in segments
                    for edges in ([(a, trial), (trial, b)] if a < trial < b else [(a, b)])]
        account, taxes, left = dict(before), {}, {}
        self.lines, self.subtotal, total = [], Fraction(0), Fraction(0)
        pauses = subscription.get("pauses", [])
        weights = [lasting(a, b, pauses) for a, b, _ in segments]
        # Of a period that is billed in parts each owes for its time only.
        in_all = lasting(*period_at(catalog, subscription, start)[1], pauses)
        for index, (a, b, plan) in enumerate(segments):
            rater = PartRater(plan, account, segments, index, whole, weights, in_all)
            subtotal, sum_of, left_of = rater.rate_part(quantities(events, a, b, now), a < trial)
            rater.add_taxed(taxes, left_of)
            for charge, amount in left_of.items():
                left[charge] = left.get(charge, Fraction(0)) + amount
            self.lines += rater.lines
            self.subtotal += subtotal
            total += sum_of
        self.plan = segments[-1][2]
        rater = Rater(self.plan)
        rater.rate_taxes(taxes)
        self.lines += rater.lines
        self.tax = rater.tax
        grants = Grants(self.plan, (segments[0][0], segments[-1][1]), account, left, total + self.tax)
        self.due = grants.run()
        self.lines += grants.lines
        self.total = grants.total
        self.after = {name: value for name, value in account.items() if value}

    def shape(self):
        return [line[:5] + line[6:] for line in self.lines]

    def same(self, other):
        return self.shape() == other.shape() and self.due == other.due

    def by_charge(self):
        sums = {}
        for line in self.lines:
            sums[line[0]] = sums.get(line[0], Fraction(0)) + line[6]
        return sums


# ---- the model of what is billed ----


class Row:
    """A billed period: the documents that billed it, the last of which holds."""

    def __init__(self, document, bill):
        self.active, self.period, self.version = bill.period[1], bill.period, bill.version
        self.stack = [(document, bill)]
        self.is_touched = False  # a later document may say, without a line, that it leaves something else

    @property
    def bill(self):
        return self.stack[-1][1]


class Model:
    def __init__(self):
        self.catalogs = {}  # by version
        self.catalog = None
        self.events = {}    # of a subscription: {(second, id): (meter, value, (second, id) of what it takes back or None)}
        self.taken = {}     # of a subscription: the (second, id) of what was taken back, come or not
        self.backfills = {} # by name: the (subscription, second, id) that came with it
        self.now = FOREVER  # what gauges held is known up to
        self.rows = {}      # of a subscription: in the order of time
        self.lost = set()   # subscriptions of which only the sums are known: something happened at an unknown moment

    def usage(self, key):
        taken = self.taken.get(key, ())
        return [(at[0], meter, value) for at, (meter, value, _) in sorted(self.events.get(key, {}).items(), key=lambda item: item[0])
                if meter != RETRACT and at not in taken]

    def store(self, key, second, id_, content):
        self.events.setdefault(key, {})[second, id_] = content
        if content[2]:
            self.taken.setdefault(key, set()).add(content[2])

    def is_late(self, key, second, meter):
        """A value of a gauge holds on into periods after its own."""
        rows = self.rows.get(key, [])
        return any(row.active[0] <= second < row.active[1] or (meter == GAUGE and second < row.active[0]) for row in rows)

    def bill(self, catalog, key, period, usage, account):
        return Bill(catalog, key, period, usage, account, self.now)

    def open_period(self, key):
        subscription = self.catalog["subscriptions"][key]
        hole, end = subscription["from"], FOREVER
        for row in self.rows.get(key, []):
            if row.active[1] <= hole:
                continue
            if row.active[0] > hole:
                end = row.active[0]
                break
            hole = row.active[1]
        if hole >= subscription.get("until", FOREVER):
            return None
        whole, active = period_at(self.catalog, subscription, hole)
        return whole, (max(active[0], hole), min(active[1], end))

    def has_hole(self, key):
        rows = self.rows.get(key, [])
        edges = [self.catalog["subscriptions"][key]["from"]] + [row.active[1] for row in rows]
        return any(row.active[0] != edge for row, edge in zip(rows, edges))

    def walk(self, key, until):
        """Every period up to a time as it is now: (row or None, bill); unbilled ones by the catalog in force."""
        subscription, usage = self.catalog["subscriptions"][key], self.usage(key)
        at, account, found = subscription["from"], {}, []
        rows = list(self.rows.get(key, []))
        while at < until:
            if rows and rows[0].active[0] <= at:
                row = rows.pop(0)
                bill = self.bill(self.catalogs[row.version], key, row.period, usage, account)
            elif at >= subscription.get("until", FOREVER):
                if not rows:
                    break
                at = rows[0].active[0]
                continue
            else:
                row, (whole, active) = None, period_at(self.catalog, subscription, at)
                period = whole, (max(active[0], at), min(active[1], rows[0].active[0] if rows else FOREVER, until))
                bill = self.bill(self.catalog, key, period, usage, account)
            found.append((row, bill))
            account, at = bill.after, bill.period[1][1]
        return found

    def adjustments(self, key):
        """What is to be adjusted of billed periods."""
        return [(row, bill) for row, bill in self.again(key) if not row.bill.same(bill)]

    def again(self, key):
        """Billed periods as they should be. One that is open again leaves what it left, until it is billed."""
        usage, at, account, found = self.usage(key), self.catalog["subscriptions"][key]["from"], {}, []
        for row in self.rows.get(key, []):
            if row.active[0] != at:
                account = row.bill.before
            bill = self.bill(self.catalogs[row.version], key, row.period, usage, account)
            found.append((row, bill))
            account, at = bill.after, row.active[1]
        return found

    def draft(self, key):
        """The next invoice: (its bill, the adjustments on it, whether those get a document of their own)."""
        period = self.open_period(key)
        if period is None:
            return None
        found = self.walk(key, period[1][0])
        account = found[-1][1].after if found else {}
        bill = self.bill(self.catalog, key, period, self.usage(key), account)
        adjustments = [(row, b) for row, b in found if row and not row.bill.same(b)]
        total = bill.total + sum(b.total - row.bill.total for row, b in adjustments)
        due = bill.due + sum(b.due - row.bill.due for row, b in adjustments)
        apart = bool(adjustments) and (bill.plan.get("late_usage") == "credit_note" or total < 0 or due < 0)
        return bill, adjustments, apart


# ---- documents ----


def lines_of(document, kind):
    text = lambda value: None if value is None else Fraction(value)
    return [(line["charge"], line["kind"], *(text(line[n]) for n in ("quantity", "price", "per", "amount")))
            for line in document["lines"] if (line["kind"] == "adjustment") == kind]


def show(lines):
    return "\n".join("    " + " ".join("-" if part is None else str(part) if not isinstance(part, Fraction) else
                                         str(float(part)) for part in line) for line in lines)


def compare_own(document, bill, where):
    got, want = lines_of(document, False), bill.shape()
    expect(got == want, f"{where}: expected lines\n{show(want)}\n  got\n{show(got)}")


def compare_adjustments(document, adjustments, where):
    """Sums by charge; single steps are the library's way to say it."""
    got, want = {}, {}
    for line in (line for line in document["lines"] if line["kind"] == "adjustment"):
        amount = Fraction(line["amount"])
        expect(amount == Fraction(line["after"]["amount"]) - Fraction(line["before"]["amount"]), f"{where}: before and after of {line}")
        got[line["charge"]] = got.get(line["charge"], Fraction(0)) + amount
    for row, bill in adjustments:
        before, after = row.bill.by_charge(), bill.by_charge()
        for charge in {*before, *after}:
            want[charge] = want.get(charge, Fraction(0)) + after.get(charge, 0) - before.get(charge, 0)
    clean = lambda sums: {charge: str(float(amount)) for charge, amount in sums.items() if amount}
    expect(clean(got) == clean(want), f"{where}: expected adjustments {clean(want)}, got {clean(got)}")
    for name in ("total", "due", "tax"):
        own = Fraction(0)
        expected = own + sum(getattr(b, name) - getattr(row.bill, name) for row, b in adjustments)
        yield name, expected


def compare_document(document, bill, adjustments, where):
    if bill:
        compare_own(document, bill, where)
    for name, change in compare_adjustments(document, adjustments, where):
        expected = change + (getattr(bill, name) if bill else 0)
        expect(Fraction(document[name]) == expected, f"{where}: expected {name} {float(expected)}, got {document[name]}")
    if bill:
        expect(Fraction(document["subtotal"]) == bill.subtotal, f"{where}: expected subtotal {bill.subtotal}, got {document['subtotal']}")


# ---- a history ----


class History:
    def __init__(self, meter, seed, folder):
        self.meter, self.seed, self.folder = meter, seed, folder
        self.rng = random.Random(seed)
        self.database = folder / "life.db"
        self.log, self.step = [], 0
        self.model = Model()
        self.documents = []  # numbers in the order they were issued
        self.stored = {}     # by number: the JSON as it was first seen
        self.texts = {}
        self.files = 0

    # -- commands --

    def command(self, *arguments):
        command = [self.meter, "-d", str(self.database), *map(str, arguments)]
        self.log.append(f"[{self.step}] " + " ".join(map(shlex.quote, command)))
        return command

    def run(self, *arguments, codes=(0,)):
        done = subprocess.run(self.command(*arguments), capture_output=True, text=True, check=False)
        expect(done.returncode in codes, f"exit {done.returncode}, expected {codes}: {done.stdout[:300]} {done.stderr}")
        return done

    def json(self, *arguments, codes=(0,)):
        done = self.run(*arguments, "--json", codes=codes)
        return json.loads(done.stdout) if done.returncode != 1 else None

    def killed(self, *arguments):
        """Run, and kill -9 at some moment."""
        process = subprocess.Popen(self.command(*arguments), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(self.rng.random() * 0.008)
        process.kill()
        process.wait()
        self.log[-1] += "  # killed"

    # -- catalogs --

    def apply(self, catalog):
        self.files += 1
        path = self.folder / f"catalog-{self.files}.yaml"
        path.write_text(text_of(catalog))
        before = self.model.catalog
        done = self.run("apply", path)
        version = int(done.stdout.split()[2])
        catalog["version"] = version
        expect(before is None or version in (before["version"], before["version"] + 1), done.stdout)
        self.model.catalogs[version] = catalog
        self.model.catalog = catalog

    # -- events --

    def write_events(self, events):
        """events: (subscription, second, id, meter, value, what it takes back or None), value a text that may be no number."""
        self.files += 1
        path = self.folder / f"events-{self.files}.jsonl"
        with path.open("w") as file:
            for key, second, id_, meter, value, ref in events:
                event = {"id": id_, "subscription": key, "type": "meter.retract" if meter == RETRACT else f"{meter}.used",
                         "timestamp": stamp(second)}
                if meter != RETRACT:
                    event["value"] = value
                if ref:
                    event["properties"] = {"meter.timestamp": stamp(ref[0]), "meter.id": ref[1]}
                file.write(json.dumps(event) + "\n")
        return path

    def replay(self, events, kill=False, name=None):
        """Some events, maybe as a backfill with a name."""
        events, model = [event if len(event) == 6 else (*event, None) for event in events], self.model
        path = self.write_events(events)
        want, is_told = dict.fromkeys(("accepted", "duplicate", "conflict", "rejected", "late"), 0), True
        for key, second, id_, meter, value, ref in events:
            stored = model.events.setdefault(key, {})
            if value == "many":
                want["rejected"] += 1
                continue
            content = (meter, Fraction(value), ref)
            if (second, id_) in stored:
                want["duplicate" if stored[second, id_] == content else "conflict"] += 1
                continue
            want["late" if model.is_late(key, second, meter) else "accepted"] += 1
            is_told = is_told and (meter != GAUGE or has_gauge(model.catalog))
            model.store(key, second, id_, content)
            if name:
                model.backfills.setdefault(name, []).append((key, second, id_))
        command = ["replay", path] + (["--backfill", name] if name else [])
        if kill:
            self.killed(*command)
            self.run(*command, codes=(0, 3))
            return
        got = self.json(*command, codes=(0, 3))
        expect(not is_told or all(got[outcome] == count for outcome, count in want.items()), f"outcomes: expected {want}, got {got}")

    def retract_backfill(self, name, kill=False):
        """Everything that came with it and was not taken back one by one."""
        model, command = self.model, ["backfill", "retract", name, "--reason", "the wrong file"]
        left = [(key, second, id_) for key, second, id_ in model.backfills[name] if (second, id_) not in model.taken.get(key, ())]
        if kill:
            self.killed(*command)
            self.run(*command, codes=(0, 1))
        else:
            got = self.json(*command, codes=(0,) if left else (1,))
            expect(not left or got["retracted"] == len(left), f"taken back of {name}: expected {len(left)}, got {got}")
        for key, second, id_ in left:
            model.taken.setdefault(key, set()).add((second, id_))

    # -- reading documents --

    def fetch(self, number):
        return self.run("invoice", number, "--json").stdout

    def sync(self, where, check=True):
        """Read what was issued and voided since, check it, and keep the model up to it. Returns the new documents."""
        listed = self.json("invoice", "--list")
        expect([row["number"] for row in listed[:len(self.documents)]] == self.documents, f"{where}: documents changed their order")
        for row in listed[:len(self.documents)]:
            if row["status"] == "voided" and not self.stored[row["number"]]["is_voided"]:
                self.note_void(row["number"])
        found = []
        for row in listed[len(self.documents):]:
            number = row["number"]
            self.texts[number] = self.fetch(number)
            document = json.loads(self.texts[number])
            document["is_voided"] = False
            self.documents.append(number)
            self.stored[number] = document
            found.append(document)
            self.note_document(document, f"{where}: {number}", check)
            if row["status"] == "voided":
                self.note_void(number)
        return found

    def note_document(self, document, where, check):
        key, model = document["subscription"], self.model
        for row, bill in model.again(key):
            row.is_touched = row.is_touched or row.bill.after != bill.after
        expect(document["status"] in ("finalized", "voided"), f"{where}: status {document['status']}")
        rows = model.rows.setdefault(key, [])
        is_exact = check and key not in model.lost
        if document["kind"] == "invoice":
            expect(Fraction(document["total"]) >= 0 and Fraction(document["due"]) >= 0,
                   f"{where}: below zero: total {document['total']}, due {document['due']}")
            draft = model.draft(key)
            expect(draft is not None, f"{where}: nothing was open")
            bill, adjustments, apart = draft
            billed = tuple(second_of(document["billed"][n]) for n in ("from", "to"))
            whole = tuple(second_of(document["period"][n]) for n in ("from", "to"))
            expect((whole, billed) == bill.period, f"{where}: expected period {[list(map(stamp, p)) for p in bill.period]}, "
                   f"got {document['period']} {document['billed']}")
            expect(document["catalog_version"] == model.catalog["version"], f"{where}: catalog version {document['catalog_version']}")
            expect(document["number"].startswith(bill.plan["invoice_prefix"]), f"{where}: prefix of {bill.plan['invoice_prefix']}")
            if is_exact:
                expect(not apart, f"{where}: {len(adjustments)} adjustments should have had a document of their own")
                compare_document(document, bill, adjustments, where)
            for row, changed in adjustments:
                row.stack.append((document["number"], changed))
            rows.append(Row(document["number"], bill))
            rows.sort(key=lambda row: row.active)
            return
        expect(document["lines"], f"{where}: an adjustment of nothing")
        adjustments = model.adjustments(key)
        if is_exact:
            compare_document(document, None, adjustments, where)
            expected = "credit_note" if Fraction(document["due"]) < 0 or Fraction(document["total"]) < 0 else "adjustment"
            expect(document["kind"] == expected, f"{where}: expected {expected}, got {document['kind']}")
        for row, changed in adjustments:
            row.stack.append((document["number"], changed))

    def note_void(self, number):
        document = self.stored[number]
        document["is_voided"] = True
        rows = self.model.rows[document["subscription"]]
        for row in list(rows):
            if number not in [name for name, _ in row.stack]:
                continue
            if document["subscription"] not in self.model.lost:
                expect(row.stack[-1][0] == number, f"{number} was voided, though {row.stack[-1][0]} adjusts it")
            if row.stack[0][0] == number:
                rows.remove(row)
                # What a period that is open again left is what the next one was last rated with, which only the library knows.
                if any(other.is_touched for other in rows):
                    self.model.lost.add(document["subscription"])
            row.stack = [entry for entry in row.stack if entry[0] != number]

    def unchanged(self, numbers):
        """I38: a stored document never changes."""
        for number in numbers:
            now, then = json.loads(self.fetch(number)), json.loads(self.texts[number])
            for name in VOLATILE:
                now.pop(name)
                then.pop(name)
            expect(now == then, f"{number} changed: {then} became {now}")

    def numbers(self):
        """I39: numbers of one prefix have no gaps, in the order of issue."""
        next_of = {}
        for number in self.documents:
            prefix, digits = number[:-6], number[-6:]
            next_of[prefix] = next_of.get(prefix, 0) + 1
            expect(int(digits) == next_of[prefix], f"{number} follows {prefix}{next_of[prefix] - 1:06}")

    def tiling(self):
        """I36: no gap, no overlap, each period on one document that holds."""
        for key, rows in self.model.rows.items():
            for before, after in zip(rows, rows[1:]):
                expect(before.active[1] <= after.active[0], f"{key}: periods overlap at {stamp(after.active[0])}")
        with sqlite3.connect(f"file:{self.database}?mode=ro", uri=True) as connection:
            sums, links = {}, connection.execute("SELECT document, currency, amount FROM entry").fetchall()
            for document, currency, amount in links:
                sums[document, currency] = sums.get((document, currency), Fraction(0)) + Fraction(amount)
            expect(not any(sums.values()), f"the ledger does not balance: {sums}")
            billed = {}
            for key, start, end in connection.execute("SELECT n.text, b.active_from, b.active_to FROM billed b"
                                                      " JOIN name n ON n.number = b.subscription ORDER BY 1, 2"):
                billed.setdefault(key, []).append((start // 1000000, end // 1000000))
        connection.close()
        want = {key: [row.active for row in rows] for key, rows in self.model.rows.items() if rows}
        expect(billed == want, f"billed: expected {want}, got {billed}")

    # -- what can be asked --

    def preview(self, key):
        """By the clock, which is years later."""
        self.model.now = FOREVER
        draft = self.model.draft(key)
        got = self.json("invoice", key, "--preview", codes=(0,) if draft else (1,))
        if draft and key not in self.model.lost:
            bill, adjustments, apart = draft
            compare_document(got, bill, [] if apart else adjustments, f"preview of {key}")
        return got

    def finalize(self, key, at, reason=None):
        preview = self.preview(key) if self.rng.random() < 0.5 else None
        forever = self.model.draft(key) if preview else None
        self.model.now = at
        draft, early = self.model.draft(key), False
        if draft:
            early = at < draft[0].period[1][1] + grace_of(draft[0].plan)
        options = ["--reason", reason] if reason else []
        done = self.run("invoice", key, "--finalize", "--at", stamp(at), "--json", *options, codes=(0, 1))
        is_refused = not draft or (early and not reason)
        expect(is_refused == (done.returncode == 1), f"finalizing {key} at {stamp(at)}: exit {done.returncode} {done.stderr}")
        found = self.sync(f"finalizing {key}")
        expect(len(found) == (0 if is_refused else 1 + draft[2]) or key in self.model.lost, f"finalizing {key}: {len(found)} documents")
        if is_refused:
            return
        expect(done.stdout == self.texts[found[-1]["number"]], f"what finalizing printed of {found[-1]['number']} is not what is stored")
        if preview and same_draft(draft, forever):
            for name in ("lines", "subtotal", "tax", "total", "due"):
                expect(preview[name] == found[-1][name], f"preview {name} {preview[name]}, final {found[-1][name]}")

    def finalize_again(self, key):
        """I35."""
        rows = self.model.rows.get(key, [])
        if not rows:
            return
        row = self.rng.choice(rows)
        subscription = self.model.catalog["subscriptions"][key]
        zone = zoneinfo.ZoneInfo(subscription["timezone"])
        day = datetime.fromtimestamp(row.active[0], zone).date()
        if day_start(zone, day) < row.active[0]:
            day += timedelta(days=1)
        if not row.active[0] <= day_start(zone, day) < row.active[1]:
            return
        period = period_at(self.model.catalog, subscription, day_start(zone, day))
        if not period or not row.active[0] < period[1][1] <= row.active[1]:
            return
        number = row.stack[0][0]
        done = self.run("invoice", key, "--period", day, "--finalize", "--at", stamp(START), "--json")
        expect(done.stdout == self.fetch(number) and json.loads(done.stdout)["number"] == number,
               f"finalizing {key} {day} again gave {json.loads(done.stdout)['number']}, not {number}")
        expect(not self.sync("finalizing again"), "finalizing again issued a document")

    def out_of_order(self, key):
        """A later period is refused, and its preview is what it would be."""
        period = self.model.open_period(key)
        if not period or self.model.has_hole(key):
            return
        subscription = self.model.catalog["subscriptions"][key]
        zone = zoneinfo.ZoneInfo(subscription["timezone"])
        at = period[1][1]
        for _ in range(self.rng.randint(0, 2)):
            later = period_at(self.model.catalog, subscription, at) if at < subscription.get("until", FOREVER) else None
            at = later[1][1] if later else FOREVER
        if at >= subscription.get("until", FOREVER):
            return
        whole, active = period_at(self.model.catalog, subscription, at)
        day = datetime.fromtimestamp(active[0], zone).date()
        if day_start(zone, day) < active[0]:
            day += timedelta(days=1)
        if not active[0] <= day_start(zone, day) < active[1]:
            return
        self.model.now = FOREVER
        self.run("invoice", key, "--period", day, "--finalize", "--reason", "early", "--at", stamp(at), codes=(1,))
        expect(not self.sync("out of order"), "a later period was finalized")
        got = self.json("invoice", key, "--period", day, "--preview")
        if key not in self.model.lost:
            found = self.model.walk(key, active[0])
            bill = self.model.bill(self.model.catalog, key, (whole, active), self.model.usage(key), found[-1][1].after)
            compare_document(got, bill, [], f"preview of {key} {day}")

    def adjust(self, key, at):
        self.model.now = at
        expected = self.model.adjustments(key)
        done = self.run("invoice", key, "--adjust", "--at", stamp(at), "--json", codes=(0, 1))
        found = self.sync(f"adjusting {key}")
        if key not in self.model.lost:
            expect(bool(expected) == (done.returncode == 0) == bool(found), f"adjusting {key}: expected {len(expected)} adjustments, "
                   f"exit {done.returncode}: {done.stderr}")

    def voidable(self, number):
        key = self.stored[number]["subscription"]
        touched = [row for row in self.model.rows.get(key, []) if number in [name for name, _ in row.stack]]
        if any(row.is_touched for row in touched):
            return None
        return not self.stored[number]["is_voided"] and all(row.stack[-1][0] == number for row in touched)

    def void(self, number, at):
        self.model.now = at
        key = self.stored[number]["subscription"]
        want = self.voidable(number)
        done = self.run("invoice", number, "--void", "--reason", "wrong", "--at", stamp(at), codes=(0, 1))
        if key not in self.model.lost and want is not None:
            expect(want == (done.returncode == 0), f"voiding {number}: exit {done.returncode} {done.stderr}")
        expect(not self.sync(f"voiding {number}"), "voiding issued a document")
        expect(self.stored[number]["is_voided"] or done.returncode == 1, f"{number} is not voided")

    def regenerate(self, number, at, dry=False):
        """What replaces it bills the same period, or adjusts the same ones."""
        document = self.stored[number]
        key, model = document["subscription"], self.model
        model.now = FOREVER if dry else at
        is_voidable, is_invoice = self.voidable(number), document["kind"] == "invoice"
        period = tuple(second_of(document["billed"][n]) for n in ("from", "to"))
        until = model.catalog["subscriptions"][key].get("until", FOREVER)
        earlier = model.open_period(key)
        is_first = not (earlier and earlier[1][0] < period[0])
        allowed = is_voidable and (not is_invoice or (is_first and period[0] < until))
        options = ["--diff"] if dry else ["--regenerate", "--reason", "wrong", "--at", stamp(at)]
        done = self.run("invoice", number, *options, "--json", codes=(0, 1, 3))
        found = self.sync(f"{options[0]} {number}")
        if dry:
            expect(not found, "--diff stored something")
        if key in model.lost or is_voidable is None:
            return
        if is_invoice or not allowed:
            expect(allowed == (done.returncode != 1), f"{options[0]} {number}: exit {done.returncode} {done.stderr}")
        if not dry and allowed and is_invoice:
            new = found[-1]
            expect(new["kind"] == "invoice" and second_of(new["billed"]["from"]) == period[0] and new["replaces"] == number,
                   f"{new['number']} is for {new['billed']} and replaces {new['replaces']}, not {number} for {document['billed']}")

    def due(self, at, how="once"):
        arguments = ("invoice", "--due", "--at", stamp(at))
        self.model.now = at
        if how == "kill":
            self.killed(*arguments)
            self.sync("killed --due")
        if how == "twice":
            both = [subprocess.Popen(self.command(*arguments), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) for _ in "ab"]
            for process in both:
                error = process.communicate()[1]
                expect(process.returncode == 0, f"exit {process.returncode} of two at once: {error}")
            self.sync("two --due at once")
        rows = self.json(*arguments)
        numbers = [document["number"] for document in self.sync("--due")]
        expect(sorted(row["number"] for row in rows) == sorted(numbers), f"--due printed {rows}, stored {numbers}")
        for key in self.model.catalog["subscriptions"]:
            draft = self.model.draft(key)
            if draft is None:
                expect(key in self.model.lost or not self.model.adjustments(key), f"--due left adjustments of {key}, which has ended")
                continue
            expect(at < draft[0].period[1][1] + grace_of(draft[0].plan), f"--due left {key} {stamp(draft[0].period[1][0])} open")

    def race(self, at, events):
        """Events while everything is closed: in which order is known only afterwards, so only sums are checked from here on."""
        closing = subprocess.Popen(self.command("invoice", "--due", "--at", stamp(at)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.model.lost.update(self.model.catalog["subscriptions"])
        self.model.now = at
        events = [event if len(event) == 6 else (*event, None) for event in events]
        self.run("replay", self.write_events(events), codes=(0, 3))
        expect(closing.wait() == 0, "exit of --due beside replay")
        for key, second, id_, meter, value, ref in events:
            if value != "many" and (second, id_) not in self.model.events.get(key, {}):
                self.model.store(key, second, id_, (meter, Fraction(value), ref))
        self.sync("--due beside replay")

    def backup(self):
        self.files += 1
        path = self.folder / f"backup-{self.files}.db"
        self.run("backup", path)
        self.database = path

    # -- the end --

    def close(self, at):
        self.due(at)
        for key in self.model.catalog["subscriptions"]:
            for _ in range(20):
                done = self.run("invoice", key, "--adjust", "--at", stamp(at), "--json", codes=(0, 1))
                self.sync(f"adjusting {key} at the end")
                if done.returncode == 1:
                    expect("nothing to adjust" in done.stderr, done.stderr)
                    break
            else:
                raise Mismatch(f"{key} is never done with adjusting")
        self.due(at)
        self.model.now = at
        self.money()
        self.numbers()
        self.tiling()
        self.unchanged(self.documents)
        self.run("verify")
        self.run("verify", "--full")

    def money(self):
        """I37: what all documents bill is what all events cost."""
        for key in self.model.catalog["subscriptions"]:
            rows = self.model.rows.get(key, [])
            if self.model.has_hole(key):  # one that was voided, though the next was finalized, may not be over yet
                bill = self.model.draft(key)[0]
                expect(self.model.now < bill.period[1][1] + grace_of(bill.plan), f"{key}: a period was left out")
                continue
            bills = [bill for row, bill in self.model.walk(key, rows[-1].active[1] if rows else 0) if row]
            expect(len(bills) == len(rows), f"{key}: {len(rows)} periods billed, {len(bills)} expected")
            for name in ("total", "due", "tax"):
                got = sum(Fraction(d[name]) for d in self.stored.values() if d["subscription"] == key and not d["is_voided"])
                want = sum(getattr(bill, name) for bill in bills)
                expect(got == want, f"{key}: all documents bill {name} {float(got)}, all events cost {float(want)}")
            if key not in self.model.lost:
                for row, bill in zip(rows, bills):
                    expect(row.bill.same(bill), f"{key} {stamp(row.active[0])}: billed\n{show(row.bill.shape())}\n"
                           f"  should be\n{show(bill.shape())}")


def same_draft(a, b):
    """Two drafts of model.draft()."""
    shape = lambda draft: (draft[0].shape(), [bill.shape() for _, bill in draft[1]], draft[2])
    return bool(a) == bool(b) and (not a or shape(a) == shape(b))


def has_gauge(catalog):
    return catalog.get("gauge", True)


def grace_of(plan):
    text = plan.get("grace", "0h")
    return int(text[:-1]) * {"h": HOUR, "d": DAY}[text[-1]]


def text_of(catalog):
    """As YAML."""
    plans = [version["plan"] for versions in catalog["plans"].values() for version in versions]
    lines = ["subscriptions:"]
    for key, s in catalog["subscriptions"].items():
        held = ", ".join(f"{{plan: {change['plan']}, from: {stamp(change['from'])}}}" for change in s["plans"])
        until = f", until: {stamp(s['until'])}" if "until" in s else ""
        zone = f", timezone: {s['timezone']}" if s["timezone"] != "UTC" else ""
        trial = f", trial_until: {stamp(s['trial'])}" if "trial" in s else ""
        pauses = ", ".join(f"{{from: {stamp(a)}, until: {stamp(b)}}}" for a, b in s.get("pauses", []))
        pauses = f", pauses: [{pauses}]" if pauses else ""
        lines.append(f"  {key}: {{customer: Customer {key}, plan: [{held}], anchor: {s['anchor']}{zone}{until}{trial}{pauses}}}")
    gauge = f"  {GAUGE}: {{event_type: {GAUGE}.used, aggregation: time_weighted}}\n" if has_gauge(catalog) else ""
    text = "".join(line for line in catalog_text(plans).splitlines(True) if not line.startswith(f"  {GAUGE}:"))
    return text.replace("plans:\n", gauge + "plans:\n", 1) + "\n".join(lines) + "\n"


# ---- random catalogs ----


def some_charge(rng, key):
    model = rng.choice(["flat", "unit", "unit", "graduated", "graduated", "volume", "package"])
    charge = {"key": key, "model": Plain(model)}
    if model == "flat":
        charge["amount"] = rng.choice(["9.99", "49", "0.01", money(rng, 30)])
    else:
        charge["meter"] = rng.choice(["m0", "m0", "m0", "m2", GAUGE])
    if model in ("unit", "package"):
        charge["price"] = money(rng, 5)
    if model in ("graduated", "volume"):
        charge["tiers"] = [dict(tier, **({"up_to": str(-(-Fraction(tier["up_to"]) // 1 + 0))} if "up_to" in tier else {}))
                           for tier in make_tiers(rng)]
        top = 0
        for tier in charge["tiers"]:  # whole bounds that rise
            if "up_to" in tier:
                top = max(top + 1, int(tier["up_to"]))
                tier["up_to"] = str(top)
        if rng.random() < 0.3:
            charge["flat_at_zero"] = Plain("true")
    if model != "flat":
        if rng.random() < 0.4 or charge["meter"] == GAUGE:
            charge["per"] = rng.choice(["3", "7", "10", "0.5"] if charge["meter"] != GAUGE else ["3600", "86400"])
        if rng.random() < 0.4:
            charge["included"] = str(rng.choice([1, 10, 100]))
    if rng.random() < 0.4:
        charge["proration"] = Plain("time")
    if rng.random() < 0.4:
        charge["tax"] = {"category": rng.choice(["VAT", "reduced"]), "percent": rng.choice(["19", "7", "8.875"])}
    if rng.random() < 0.2:
        charge["minimum"] = rng.choice(["5", "12.34"])
    if rng.random() < 0.15:
        charge["maximum"] = rng.choice(["20", "77.77"])
    if rng.random() < 0.2:
        charge["discounts"] = [some_discount(rng)]
    return charge


def some_discount(rng):
    return {"percent": rng.choice(["10", "33.3", "100"])} if rng.random() < 0.7 else {"amount": rng.choice(["3", "0.5"])}


def some_grants(rng, plan, horizon):
    keys = [charge["key"] for charge in plan["charges"]]

    def grant(key):
        found = {"key": key, "amount": rng.choice(["5", "50", "120.5", "1000"])}
        if rng.random() < 0.3:
            found["applies_to"] = rng.sample(keys, 1)
        if rng.random() < 0.3:
            found["priority"] = Plain(rng.randint(0, 3))
        return found

    if rng.random() < 0.3:
        plan["credits"] = [grant("gift")]
        plan["credits"][0]["kind"] = Plain(rng.choice(["gift", "payment"]))
        if rng.random() < 0.3:
            plan["credits"][0]["until"] = Plain(stamp(START + rng.randint(1, horizon)))
    if rng.random() < 0.2:
        start = START + rng.randint(-horizon, horizon) // 2
        plan["commitments"] = [dict(grant("promise"), kind=Plain(rng.choice(["prepaid", "postpaid"])), **{
            "from": Plain(stamp(start)), "until": Plain(stamp(start + rng.randint(horizon // 4, horizon)))})]
        if plan["commitments"][0]["kind"] == "prepaid" and rng.random() < 0.4:
            plan["commitments"][0]["rollover"] = Plain("true")


def some_plan(rng, key, period, currency, horizon, like=None):
    plan = {"key": key, "currency": currency, "period": Plain(period), "effective_from": None}
    if like:
        plan.update({name: like[name] for name in ("grace", "late_usage", "invoice_prefix", "credit_note_prefix", "rounding")
                     if name in like})
    else:
        plan["rounding"] = Plain(rng.choice(["half_up", "half_even"]))
        if rng.random() < 0.6:
            plan["grace"] = Plain(rng.choice(["6h", "12h", "2d"]))
        if rng.random() < 0.4:
            plan["late_usage"] = Plain("credit_note")
        own = rng.random() < 0.5
        plan["invoice_prefix"] = f"{key.upper()}-" if own else "INV-"
        plan["credit_note_prefix"] = f"{key.upper()}-CN-" if own else "CN-"
    if rng.random() < 0.15:
        plan["minimum"] = "25"
    if rng.random() < 0.15:
        plan["discounts"] = [some_discount(rng)]
    plan["charges"] = [some_charge(rng, f"c{i}") for i in range(rng.randint(1, 3))]
    some_grants(rng, plan, horizon)
    return plan


def versioned(plan, start):
    plan["effective_from"] = Plain(stamp(start))
    return {"from": start, "plan": plan}


def some_catalog(rng, horizon, unit):
    currency = rng.choice(["USD", "EUR", "USD", "JPY", "KWD"])
    plans = {}
    for key in "abc"[:rng.randint(1, 3)]:
        period = unit if rng.random() < 0.7 else rng.choice(list(UNITS)[list(UNITS).index(unit):])
        plans[key] = [versioned(some_plan(rng, key, period, currency, horizon), START - 400 * DAY)]
    subscriptions = {}
    for i in range(rng.randint(1, 4)):
        start = START + rng.choice([0, rng.randint(0, horizon // 4), rng.randint(0, horizon // 4) // DAY * DAY])
        subscriptions[f"s{i}"] = {"from": start, "plans": [{"plan": rng.choice(list(plans)), "from": start}],
                                  "timezone": rng.choice(ZONES), "anchor": rng.choice(["calendar", "anniversary"])}
        if rng.random() < 0.3:
            change_plan(rng, subscriptions[f"s{i}"], plans, start + rng.randint(1, horizon))
        if rng.random() < 0.2:
            last = subscriptions[f"s{i}"]["plans"][-1]["from"]
            subscriptions[f"s{i}"]["until"] = last + rng.randint(DAY, horizon)
        if rng.random() < 0.2:
            set_trial(rng, subscriptions[f"s{i}"], horizon)
        if rng.random() < 0.2:
            set_pauses(rng, subscriptions[f"s{i}"], horizon)
    return {"plans": plans, "subscriptions": subscriptions, "currency": currency, "unit": unit}


def set_trial(rng, subscription, horizon):
    subscription["trial"] = subscription["from"] + rng.choice([rng.randint(1, horizon // 2), rng.randint(1, horizon // 2 // DAY) * DAY])


def set_pauses(rng, subscription, horizon):
    """Often of whole days; one may cover whole periods."""
    unit = rng.choice([1, DAY])
    edges = sorted({START + rng.randint(0, horizon) // unit * unit for _ in range(2 * rng.randint(1, 2))})
    subscription["pauses"] = list(zip(edges[::2], edges[1::2]))


def change_plan(rng, subscription, plans, at):
    changes = [change for change in subscription["plans"] if change["from"] < at]
    if changes and at < subscription.get("until", FOREVER):
        subscription["plans"] = changes + [{"plan": rng.choice(list(plans)), "from": at}]


def changed_catalog(rng, catalog, now, horizon):
    """Another price, a new version, another plan, an end: mostly from now on, sometimes in the past."""
    catalog = copy.deepcopy(catalog)
    for _ in range(rng.randint(1, 2)):
        at = now + rng.choice([1, 1, 1, -1]) * rng.randint(0, horizon // 4)
        key = rng.choice(list(catalog["plans"]))
        what = rng.random()
        if what < 0.3:
            version = rng.choice(catalog["plans"][key])
            plan = some_plan(rng, key, version["plan"]["period"], catalog["currency"], horizon, version["plan"])
            version["plan"] = versioned(plan, version["from"])["plan"]
        elif what < 0.6:
            if at in [version["from"] for version in catalog["plans"][key]] or at < START - 300 * DAY:
                continue
            last = catalog["plans"][key][-1]["plan"]
            period = last["period"] if rng.random() < 0.8 else rng.choice(list(UNITS)[list(UNITS).index(catalog["unit"]):])
            catalog["plans"][key].append(versioned(some_plan(rng, key, period, catalog["currency"], horizon, last), at))
        else:
            subscription = rng.choice(list(catalog["subscriptions"].values()))
            if what < 0.8:
                if at > subscription["from"]:
                    change_plan(rng, subscription, catalog["plans"], at)
            elif what < 0.85:
                set_trial(rng, subscription, horizon)
            elif what < 0.9:
                set_pauses(rng, subscription, horizon)
            elif "until" in subscription and rng.random() < 0.5:
                del subscription["until"]
            elif at > subscription["plans"][-1]["from"]:
                subscription["until"] = at
    if rng.random() < 0.3:
        catalog["gauge"] = not has_gauge(catalog)
    if not has_gauge(catalog):
        for charge in (c for versions in catalog["plans"].values() for v in versions for c in v["plan"]["charges"]):
            if charge.get("meter") == GAUGE:
                charge["meter"] = "m2"
    return catalog


# ---- random histories ----


class Walk:
    """One random history."""

    def __init__(self, meter, seed, folder, steps):
        self.h, self.rng = History(meter, seed, folder), random.Random(seed ^ 0x5eed)
        self.steps, self.ids = steps, 0
        rng = self.rng
        self.unit = rng.choice(["day", "week", "month", "month", "quarter"])
        self.horizon = {"day": 12 * DAY, "week": 8 * 7 * DAY, "month": 8 * 30 * DAY, "quarter": 420 * DAY}[self.unit]
        self.now, self.end = START, START + self.horizon
        self.negative = rng.random() < 0.3
        self.takes_back = rng.random() < 0.6
        self.waiting = []  # events that were taken back before they came
        self.h.apply(some_catalog(rng, self.horizon, self.unit))

    def some_second(self):
        rng, length = self.rng, UNITS[self.unit]
        lateness = rng.choice([0, 0, rng.randint(0, 12 * HOUR), rng.randint(0, length), rng.randint(0, 3 * length)])
        second = max(START - DAY, self.now - lateness)
        if rng.random() < 0.2:  # at the edge of a period
            rows = [edge for list_ in self.h.model.rows.values() for row in list_ for edge in row.active]
            if rows:
                second = rng.choice(rows) + rng.choice([-1, 0, 0, 1])
        return second

    def new_event(self, key):
        rng = self.rng
        self.ids += 1
        meter = rng.choice(["m0", "m0", "m0", "m2", "m1", GAUGE])
        value = rng.choice([number(rng, 30), number(rng, 500, 3), "1", "0"])
        if self.negative and meter != GAUGE and rng.random() < 0.2:
            value = "-" + positive(rng, 300)
        if rng.random() < 0.03:
            value = "many"
        return key, self.some_second(), f"e{self.ids}", meter, value, None

    def taking_back(self, key, ref):
        """A retraction, or a correction, at a time of its own or at that of what it takes back."""
        self.ids += 1
        second = ref[0] if self.rng.random() < 0.6 else self.some_second()
        if self.rng.random() < 0.6:
            return key, second, f"r{self.ids}", RETRACT, "1", ref
        return key, second, f"r{self.ids}", self.rng.choice(["m0", "m0", "m2", GAUGE]), number(self.rng, 30), ref

    def some_events(self):
        rng, events = self.rng, []
        for _ in range(rng.choice([1, 2, 5, 30])):
            key = rng.choice(list(self.h.model.catalog["subscriptions"]))
            known = list(self.h.model.events.get(key, {}).items())
            what = rng.random()
            if known and what < 0.1:  # a retry
                (second, id_), (meter, value, ref) = rng.choice(known)
                value = decimal(value) if meter == RETRACT or rng.random() < 0.7 else str(rng.randint(1, 9))
                events.append((key, second, id_, meter, value, ref))
                continue
            if self.takes_back and known and what < 0.25:
                gauges = [event for event in known if event[1][0] == GAUGE]
                key_and_content = rng.choice(gauges if gauges and rng.random() < 0.3 else known)
                events.append(self.taking_back(key, key_and_content[0]))
                continue
            event = self.new_event(key)
            if self.takes_back and what > 0.95:
                self.waiting.append(event)
                events.append(self.taking_back(key, event[1:3]))
                continue
            events.append(event)
        while self.waiting and rng.random() < 0.5:
            events.append(self.waiting.pop(0))
        return events

    def backfill(self):
        """Under a name of a few, so that one may be taken back and come again."""
        keys = self.rng.choices(list(self.h.model.catalog["subscriptions"]), k=self.rng.choice([1, 5, 20]))
        events = [self.new_event(key) for key in keys]
        known = [(key, *at, *content) for key, stored in self.h.model.events.items() for at, content in stored.items()]
        if known:  # what was there before is no part of it
            key, second, id_, meter, value, ref = self.rng.choice(known)
            events.append((key, second, id_, meter, decimal(value), ref))
        self.h.replay(events, name=self.rng.choice(["wrong file", "gateway-2"]))

    def some_number(self):
        documents = self.h.documents
        return self.rng.choice(documents[-6:] if self.rng.random() < 0.7 else documents) if documents else None

    def one_step(self):
        h, rng = self.h, self.rng
        key = rng.choice(list(h.model.catalog["subscriptions"]))
        what = rng.choices(["events", "due", "finalize", "early", "again", "order", "preview", "adjust", "void", "regenerate", "diff",
                            "catalog", "kill due", "kill replay", "twice", "race", "backup", "unchanged", "backfill", "take back"],
                           [30, 12, 10, 5, 5, 5, 5, 8, 6, 7, 4, 9, 3, 3, 2, 0.4, 1.5, 3, 3, 3])[0]
        if rng.random() < 0.6:
            self.now = min(self.end, self.now + rng.randint(0, 3 * self.horizon // self.steps))
        h.log.append(f"# {what}")
        document = self.some_number()
        if what == "events":
            h.replay(self.some_events())
        elif what == "kill replay":
            h.replay(self.some_events(), kill=True)
        elif what in ("due", "kill due", "twice"):
            h.due(self.now, {"due": "once", "kill due": "kill"}.get(what, what))
        elif what == "finalize":
            h.finalize(key, self.now)
        elif what == "early":
            h.finalize(key, self.now, "the customer asked")
        elif what == "again":
            h.finalize_again(key)
        elif what == "order":
            h.out_of_order(key)
        elif what == "preview":
            h.preview(key)
        elif what == "adjust":
            h.adjust(key, self.now)
        elif what == "void" and document:
            h.void(document, self.now)
        elif what in ("regenerate", "diff") and document:
            h.regenerate(document, self.now, what == "diff")
        elif what == "catalog":
            h.apply(changed_catalog(rng, h.model.catalog, self.now, self.horizon))
        elif what == "race":
            h.race(self.now, self.some_events())
        elif what == "backup":
            h.backup()
        elif what == "backfill":
            self.backfill()
        elif what == "take back" and self.takes_back and h.model.backfills:
            h.retract_backfill(rng.choice(list(h.model.backfills)), rng.random() < 0.2)
        elif what == "unchanged" and h.documents:
            h.unchanged(rng.sample(h.documents, min(3, len(h.documents))))

    def run(self):
        for self.h.step in range(1, self.steps + 1):
            self.one_step()
        self.h.step += 1
        self.h.close(self.end + rng_days(self.rng))


def rng_days(rng):
    return rng.randint(0, 30) * DAY


# ---- named scenarios ----


def plain_catalog(**more):
    plan = {"key": "api", "currency": "USD", "period": Plain("day"), "effective_from": None, "grace": Plain("12h"),
            "invoice_prefix": "INV-", "credit_note_prefix": "CN-",
            "charges": [{"key": "calls", "meter": "m0", "model": Plain("graduated"), "tiers": [{"up_to": "100", "price": "0.10"},
                                                                                            {"price": "0.05"}],
                         "tax": {"category": "VAT", "percent": "19"}}], **more}
    return {"plans": {"api": [versioned(plan, START - 400 * DAY)]}, "currency": "USD", "unit": "day",
            "subscriptions": {"s": {"from": START, "plans": [{"plan": "api", "from": START}], "timezone": "Europe/Berlin",
                                    "anchor": "calendar"}}}


def six_hours_late(h):
    """A day of events that arrive six hours late, within the grace: they are on the invoice itself."""
    h.apply(plain_catalog())
    day = [("s", START + 2 * DAY + i * 600, f"d{i}", "m0", "2") for i in range(0, 120)]
    h.due(START + 2 * DAY + 30 * HOUR)  # the day before is closed; this one waits
    h.replay(day)
    h.due(START + 4 * DAY)
    late = [d for d in h.stored.values() if Fraction(d["total"]) > 0]
    expect(all(d["kind"] == "invoice" and all(line["kind"] != "adjustment" for line in d["lines"]) for d in h.stored.values()),
           "something was adjusted")
    # From 00:00 to 20:00 in UTC is 01:00 to 21:00 in Berlin: 120 events, 240 units on one day
    expect([d["total"] for d in late] == ["20.23"], f"expected 20.23, got {[d['total'] for d in late]}")
    h.close(START + 6 * DAY)


def six_weeks_late(h, late_usage):
    """The same day, arriving six weeks later, when its invoice is long final: an adjustment brings exactly the rest."""
    h.apply(plain_catalog(late_usage=Plain(late_usage)))
    h.replay([("s", START + 2 * DAY + 60, "first", "m0", "10")])
    h.due(START + 40 * DAY)
    h.replay([("s", START + 2 * DAY + i * 600, f"d{i}", "m0", "2") for i in range(0, 120)])
    h.due(START + 44 * DAY)
    h.close(START + 46 * DAY)
    total = sum(Fraction(d["total"]) for d in h.stored.values())
    expect(total == Fraction("20.83"), f"expected 20.83 (250 units: 10.00 + 7.50, and 3.33 of tax), got {float(total)}")
    kinds = {d["kind"] for d in h.stored.values() if any(line["kind"] == "adjustment" for line in d["lines"])}
    expect(kinds == {"invoice" if late_usage == "next_invoice" else "adjustment"}, f"adjusted by {kinds}")


def taken_back(h):
    """The wrong half of a day, taken back when it is billed: its events one by one, then the backfill they came with."""
    h.apply(plain_catalog())
    h.replay([("s", START + 2 * DAY + i * 600, f"d{i}", "m0", "2") for i in range(0, 120)])
    h.replay([("s", START + 2 * DAY + i * 60, f"w{i}", "m0", "1") for i in range(0, 60)], name="wrong")
    h.due(START + 4 * DAY)
    # 300 units: 10.00 + 10.00, and 19 %
    expect(sum(Fraction(d["total"]) for d in h.stored.values()) == Fraction("23.80"), "expected 23.80")
    h.replay([("s", START + 2 * DAY + i * 60, f"r{i}", RETRACT, "1", (START + 2 * DAY + i * 60, f"w{i}")) for i in range(0, 10)])
    h.retract_backfill("wrong")
    h.close(START + 6 * DAY)
    total = sum(Fraction(d["total"]) for d in h.stored.values())
    expect(total == Fraction("20.23"), f"expected 20.23, got {float(total)}")
    expect([d["total"] for d in h.stored.values() if d["kind"] == "credit_note"] == ["-3.57"], "expected a credit note of 3.57")


SCENARIOS = {"six hours late": six_hours_late, "six weeks late, next invoice": lambda h: six_weeks_late(h, "next_invoice"),
             "six weeks late, document of its own": lambda h: six_weeks_late(h, "credit_note"), "taken back": taken_back}


# ---- running ----


def attempt(run, history_of, name):
    """None, or what went wrong."""
    folder = Path(tempfile.mkdtemp(prefix="life-", dir=MEMORY if os.path.isdir(MEMORY) else None))
    subject = None
    try:
        subject = history_of(folder)
        run(subject)
    except Exception as error:  # pylint: disable=broad-except
        h = getattr(subject, "h", subject)
        commands = "\n".join(h.log) if h else ""
        detail = str(error) if isinstance(error, Mismatch) else repr(error)
        if not isinstance(error, Mismatch):
            detail = traceback.format_exc()
        return f"{name}, step {h.step if h else 0}, in {folder}\n{commands}\n{detail}"
    shutil.rmtree(folder)
    return None


def one(arguments):
    meter, seed, steps = arguments
    return attempt(lambda walk: walk.run(), lambda folder: Walk(meter, seed, folder, steps), f"seed {seed}")


def main():
    if not 2 <= len(sys.argv) <= 5:
        sys.exit(__doc__)
    meter = os.path.abspath(sys.argv[1])
    count, seed, steps = ([int(text) for text in sys.argv[2:]] + [20, 1, 25][len(sys.argv) - 2:])[:3]
    passed = 0
    for name, scenario in SCENARIOS.items():
        found = attempt(scenario, lambda folder: History(meter, 0, folder), name)
        if found:
            sys.exit(f"{found}\n{passed} passed, 1 failed")
        passed += 1
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for found in pool.map(one, [(meter, seed + i, steps) for i in range(count)]):
            if found:
                pool.shutdown(cancel_futures=True)
                print(f"{found}\n{passed} passed, 1 failed")
                sys.exit(1)
            passed += 1
    print(f"{passed} passed, 0 failed")


if __name__ == "__main__":
    main()
