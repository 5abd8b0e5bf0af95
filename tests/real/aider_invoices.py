#!/usr/bin/env python3
"""aider_invoices.py - drafts every invoice of the aider log and adds them up: aider_invoices.py DATA DATABASE suspend|free

Each line is computed again with fractions, and the sums over all invoices must be those of truth.json, by model and by month too.
Prints a row for each invoice with usage, then what rounding did: an invoice is the sum of its lines, each rounded once to
whole cents, so invoice and exact amount differ by the sum of the roundings, at most half a cent a line.
"""
import json
import os
import re
import subprocess
import sys
from collections import defaultdict
from fractions import Fraction

from aider_prices import CHARGES, subscriptions

MONTHS = ["2024-08", "2024-09", "2024-10", "2024-11", "2024-12", "2025-01", "2025-02"]
HALF_A_CENT = Fraction(1, 200)
failures = 0


def check(title, expected, given):
    global failures
    if expected == given:
        print("ok: " + title)
    else:
        failures += 1
        print("FAILED: %s\n  expected: %s\n  given:    %s" % (title, expected, given))


def draft(database, subscription, month):
    done = subprocess.run(["meter", "-d", database, "invoice", subscription, "--period", month, "--json"],
                          stdout=subprocess.PIPE, text=True)
    return done.returncode, json.loads(done.stdout)


def rounded(exact):
    """To cents, half up; nothing here is below 0."""
    return Fraction((exact * 200 + 1) // 2, 100)


def wrong_line(line):
    """What is wrong with a priced line, else None."""
    exact = Fraction(line["quantity"]) * Fraction(line["price"]) / Fraction(line["per"])
    if Fraction(line["exact"]) != exact:
        return "%s: exact is %s" % (line, exact)
    if Fraction(line["amount"]) != rounded(exact):
        return "%s: rounded is %s" % (line, rounded(exact))
    return None


def model_of(line):
    found = re.search(r"main_model=(.*)$", line["description"])
    return found[1] if found else None


def wrong_invoice(status, invoice):
    """What is wrong with an invoice, else None."""
    priced = [line for line in invoice["lines"] if line["kind"] != "suspended"]
    held = len(invoice["lines"]) - len(priced)
    name = "%s %s: " % (invoice["subscription"], invoice["period"]["from"])
    for line in priced:
        if wrong_line(line):
            return name + wrong_line(line)
    amount = sum(Fraction(line["amount"]) for line in priced)
    if not amount == Fraction(invoice["subtotal"]) == Fraction(invoice["total"]) == Fraction(invoice["due"]):
        return name + "lines add up to %s, total is %s" % (amount, invoice["total"])
    if held != invoice["suspended"] or status != (3 if held else 0):
        return name + "%d suspended lines, invoice says %d, exit %d" % (held, invoice["suspended"], status)
    return None


def check_against_truth(invoices, unmatched, truth):
    """Every model, alone and by month: tokens and amounts of the priced ones, tokens of the others."""
    tokens, amounts, months = defaultdict(int), defaultdict(Fraction), defaultdict(Fraction)
    suspended, free = defaultdict(int), defaultdict(int)
    for _, invoice in invoices:
        for line in invoice["lines"]:
            charge, model = line["charge"], model_of(line)
            if line["kind"] == "suspended":
                suspended[charge, model] += int(line["quantity"])
            elif model is None:
                free[charge] += int(line["quantity"])
            else:
                tokens[charge, model] += int(line["quantity"])
                amounts[charge, model] += Fraction(line["exact"])
                months[invoice["period"]["from"][:7], model] += Fraction(line["exact"])
    priced = truth["priced"]["by_model"]
    title = unmatched + ": %s of every model with a price"
    check(title % "tokens", {(charge, model): int(row[charge + "_tokens"]) for model, row in priced.items() for charge in CHARGES},
          dict(tokens))
    check(title % "amounts",
          {(charge, model): Fraction(row[column + "_amount"]) for model, row in priced.items()
           for charge, column in (("prompt", "input"), ("completion", "output"))}, dict(amounts))
    check(title % "amounts by month",
          {(month, model): Fraction(row["amount"]) for month, rows in truth["priced"]["by_month_utc"].items()
           for model, row in rows.items()}, dict(months))

    without = {model: row for model, row in truth["message_send"]["by_model"].items() if model not in priced}
    total = {charge: int(truth["priced"]["tokens_without_a_price"][charge]) for charge in CHARGES}
    if unmatched == "suspend":
        check("suspend: tokens of every model without a price",
              {(charge, model): int(row[charge + "_tokens"]) for model, row in without.items() for charge in CHARGES}, dict(suspended))
        free = {charge: sum(quantity for key, quantity in suspended.items() if key[0] == charge) for charge in CHARGES}
    check(unmatched + ": all tokens without a price", total, {charge: free[charge] for charge in CHARGES})
    return sum(amounts.values())


def main():
    folder, database, unmatched = sys.argv[1:]
    with open(os.path.join(folder, "truth.json"), encoding="utf-8") as file:
        truth = json.load(file)["aider_log"]
    invoices = [draft(database, subscription, month) for subscription in subscriptions(folder) for month in MONTHS]

    check(unmatched + ": every line is quantity x price / per, rounded once; lines add up to the total; 3 where lines are suspended",
          [], [text for text in (wrong_invoice(*drafted) for drafted in invoices) if text])
    exact_total = check_against_truth(invoices, unmatched, truth)
    check(unmatched + ": exact amount of all invoices", Fraction(truth["priced"]["amount_usd"]), exact_total)

    print("%-36s  %-7s  %5s  %9s  %12s  %7s  %12s" % ("unmatched: " + unmatched, "month", "lines", "suspended", "exact", "rounded", "difference"))
    line_count, rounded_total, too_far = 0, Fraction(0), []
    for _, invoice in invoices:
        lines = [line for line in invoice["lines"] if line["kind"] != "suspended" and line["quantity"] != "0"]
        exact = sum(Fraction(line["exact"]) for line in lines)
        total = Fraction(invoice["total"])
        line_count += len(lines)
        rounded_total += total
        if abs(total - exact) > HALF_A_CENT * len(lines):
            too_far.append(invoice["subscription"] + " " + invoice["period"]["from"])
        if exact or invoice["suspended"]:
            print("%-36s  %-7s  %5d  %9d  %12s  %7s  %12s" % (invoice["subscription"], invoice["period"]["from"][:7], len(lines),
                                                             invoice["suspended"], decimal(exact), decimal(total, 2),
                                                             decimal(total - exact)))
    check(unmatched + ": no invoice is further from its exact amount than half a cent a line", [], too_far)
    print("%d lines: exact %s, rounded %s USD: each line was rounded once, by half a cent at most (all together %s at most)"
          % (line_count, decimal(exact_total), decimal(rounded_total, 2), decimal(HALF_A_CENT * line_count, 3)))
    return 3 if failures else 0


def decimal(fraction, digits=8):
    """Digit by digit; every amount here has at most so many decimals."""
    scaled = fraction * 10**digits
    assert scaled.denominator == 1
    whole, rest = divmod(abs(scaled.numerator), 10**digits)
    return "%s%d.%0*d" % ("-" if scaled < 0 else "", whole, digits, rest)


if __name__ == "__main__":
    sys.exit(main())
