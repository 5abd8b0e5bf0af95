#!/usr/bin/env python3
"""aider_history.py - every call of the aider log at the price of its moment: aider_history.py DATA catalog|events|check [ROWS.csv]

catalog  a plan with a version for each change of the price list, in a unit of 12 decimals, so that nothing is rounded; every call is a
         subscription of its own, so that each has an invoice.
events   the calls, one JSON object a line.
check    compares what `meter shadow --all --format csv` printed about them with truth.json and with the cost that the tool recorded.
"""
import csv
import gzip
import json
import os
import sys
from decimal import Decimal

from aider_prices import CHARGES

FROM = "2024-08-01T00:00:00Z"
END = "2025-03-01T00:00:00Z"
quoted = json.dumps
failures = 0


def rows_of(folder, name):
    with open(os.path.join(folder, name), encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def priced_models(folder):
    return {row["model"] for row in rows_of(folder, "llm-prices.csv") if row["input_usd_per_token"]}


def calls(folder):
    """(number in the log, line) of each call of a model with a price."""
    models = priced_models(folder)
    with gzip.open(os.path.join(folder, "aider-log.jsonl.gz"), "rt", encoding="utf-8", newline="\n") as log:
        for number, text in enumerate(log):
            line = json.loads(text, parse_float=str)
            if line["event"] == "message_send" and line["properties"].get("main_model") in models:
                yield number, line


def prices_at(history, models, moment):
    """The last prices not after the moment; before the first ones these hold; an entry without prices changes nothing."""
    prices = {}
    for row in history:  # sorted by model, then time
        if row["model"] in models and row["input_usd_per_token"] and (row["model"] not in prices or row["seen_from"] <= moment):
            prices[row["model"]] = row
    return prices


def print_catalog(folder):
    models, history = priced_models(folder), rows_of(folder, "llm-price-history.csv")
    history.sort(key=lambda row: (row["model"], row["seen_from"]))
    moments = [FROM] + sorted({row["seen_from"] for row in history if FROM < row["seen_from"] < END})
    print("version: 1\nunits: {usd12: {exponent: 12}}\nmeters:")
    for charge in CHARGES:
        print("  %s_tokens: {event_type: message_send, aggregation: sum, value: %s_tokens, dimensions: [main_model], unit: token}"
              % (charge, charge))
    print("plans:")
    for moment in moments:
        print("  - key: api\n    currency: usd12\n    period: month\n    effective_from: %s\n    charges:" % moment)
        prices = prices_at(history, models, moment)
        for charge, column in CHARGES.items():
            print("      - key: %s\n        meter: %s_tokens\n        model: unit\n        rates:" % (charge, charge))
            for model in sorted(models):
                print("          - {match: {main_model: %s}, price: %s}" % (quoted(model), quoted(prices[model][column])))
    print("subscriptions:")
    for number, _ in calls(folder):
        print("  row-%d: {customer: Row, plan: api, from: %s}" % (number, FROM))


def print_events(folder):
    for number, line in calls(folder):
        print(json.dumps({"id": str(number), "subscription": "row-%d" % number, "type": line["event"], "timestamp": line["time"],
                          "properties": line["properties"]}))


def check(title, expected, given):
    global failures
    if expected == given:
        print("ok: " + title)
    else:
        failures += 1
        print("FAILED: %s\n  expected: %s\n  given:    %s" % (title, expected, given))


def check_rows(folder, path):
    with open(os.path.join(folder, "truth.json"), encoding="utf-8") as file:
        truth = json.load(file)["aider_log"]["priced"]["with_price_history"]
    amounts = {}
    with open(path, encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["charge"] == "total":
                amounts[row["subscription"]] = amounts.get(row["subscription"], Decimal(0)) + Decimal(row["new"] or 0)
    recorded = {"row-%d" % number: Decimal(line["properties"]["cost"]) for number, line in calls(folder)}
    check("an amount for every call", sorted(recorded), sorted(amounts))
    check("the sum at the prices of each moment", Decimal(truth["amount_usd"]), sum(amounts.values()))
    equal = sum(abs(amounts[row] - recorded[row]) <= Decimal("1e-12") for row in recorded)
    check("calls whose recorded cost is the amount", int(truth["rows_where_recorded_cost_equals_amount"]), equal)
    print("%d calls, %s USD, %d as recorded" % (len(amounts), sum(amounts.values()).normalize(), equal))


if __name__ == "__main__":
    if sys.argv[2] == "catalog":
        print_catalog(sys.argv[1])
    elif sys.argv[2] == "events":
        print_events(sys.argv[1])
    else:
        check_rows(sys.argv[1], sys.argv[3])
    sys.exit(3 if failures else 0)
