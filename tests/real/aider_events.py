#!/usr/bin/env python3
"""aider_events.py - the aider snapshots as events, one JSON object a line: aider_events.py DATA | meter replay --time s -

216 snapshots stand one after the other, each of them a tail of one growing log, so most lines come again and again. No line has an id:
its number in the log, known from aider-snapshots.csv, is its identity, and what makes the repetitions duplicates.
"""
import csv
import gzip
import json
import os
import sys

def subscription(line):
    return line["user_id"] or "unknown"


def event(text, number):
    line = json.loads(text, parse_float=str)  # the digits of numbers are kept, never made a binary float
    return {
        "id": str(number),
        "subscription": subscription(line),
        "type": line["event"],
        "timestamp": line["time"],
        "properties": line["properties"],
    }


def main():
    folder = sys.argv[1]
    with open(os.path.join(folder, "aider-snapshots.csv"), encoding="utf-8", newline="") as file:
        snapshots = list(csv.DictReader(file))
    with gzip.open(os.path.join(folder, "aider-snapshots.jsonl.gz"), "rt", encoding="utf-8", newline="\n") as log:
        for snapshot in snapshots:
            first = int(snapshot["first_log_line"])
            for number in range(first, first + int(snapshot["lines"])):
                print(json.dumps(event(next(log), number)))
        if log.read(1):
            sys.exit("aider_events.py: lines behind the last snapshot")


if __name__ == "__main__":
    main()
