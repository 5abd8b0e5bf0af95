#!/usr/bin/env python3
"""aider_prices.py - writes a catalog from the price list of the aider log: aider_prices.py DATA suspend|free >catalog.yaml

One plan with a charge for prompt and one for completion tokens, a rate for every model that has a price, digit by digit as
in the list. The last argument says what happens to the models without one. Every user of the log has the plan.
"""
import csv
import gzip
import json
import os
import sys

from aider_events import subscription

FROM = "2024-08-01T00:00:00Z"
CHARGES = {"prompt": "input_usd_per_token", "completion": "output_usd_per_token"}
quoted = json.dumps  # a JSON text is a YAML text


def subscriptions(folder):
    with gzip.open(os.path.join(folder, "aider-log.jsonl.gz"), "rt", encoding="utf-8", newline="\n") as log:
        return sorted({subscription(json.loads(line)) for line in log})


def price_list(folder):
    with open(os.path.join(folder, "llm-prices.csv"), encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def main():
    folder, unmatched = sys.argv[1:]
    print("version: 1\nmeters:")
    for charge in CHARGES:
        print("  %s_tokens: {event_type: message_send, aggregation: sum, value: %s_tokens, dimensions: [main_model], unit: token}"
              % (charge, charge))
    print("plans:\n  - key: api\n    currency: USD\n    period: month\n    effective_from: %s\n    charges:" % FROM)
    for charge, column in CHARGES.items():
        print("      - key: %s\n        meter: %s_tokens\n        model: unit\n        per: 1\n        unmatched: %s\n        rates:"
              % (charge, charge, unmatched))
        for row in price_list(folder):
            if row[column]:
                print("          - {match: {main_model: %s}, price: %s}" % (quoted(row["model"]), quoted(row[column])))
    print("subscriptions:")
    for key in subscriptions(folder):
        print("  %s: {customer: %s, plan: api, from: %s}" % (quoted(key), quoted(key), FROM))


if __name__ == "__main__":
    main()
