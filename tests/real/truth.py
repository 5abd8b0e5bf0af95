#!/usr/bin/env python3
"""truth.py - compares what meter answers with every group of truth.json.

    truth.py GROUPS KEY COLUMN=FIELD... -- METER-ARGUMENTS...

GROUPS is a path into truth.json, as in aider_log.message_send.by_model, KEY the field of meter's rows that tells the groups apart,
and each COLUMN of a group must be, digit by digit, what FIELD says in its row. KEY "-" stands for one row and no groups. A
row that is missing counts as 0: meter has no rows for groups without events. A row of no group is a failure; with KEY "top:FIELD"
(the groups are the largest ones by the first COLUMN) only when it is larger than the smallest group.
"""
import json
import os
import subprocess
import sys


def ask_meter(arguments):
    done = subprocess.run(["meter", *arguments, "--json"], stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit("FAILED: meter %s: exit %d" % (" ".join(arguments), done.returncode))
    return json.loads(done.stdout)


def truth(path):
    with open(os.path.join(os.environ["DATA"], "truth.json"), encoding="utf-8") as file:
        found = json.load(file)
    for name in path.split("."):
        found = found[name]
    return found


def group_name(name):
    """A group of truth.json as meter's rows call it."""
    if name == "null":
        return "unknown"  # the subscription of events without a user, see aider_events.py
    return name.replace(" ", "T") if name[:4].isdigit() and name[4:5] == "-" else name


def compare(groups, rows, key, columns):
    """The differences, one text each."""
    differences = []
    width = len(next(iter(groups))) if key == "from" else None  # "2024-08" of "2024-08-01T00:00:00Z"
    answered = {}
    for row in rows:
        name = row[key] if key else ""
        name = name[:width] if width else name
        if name in answered:
            differences.append("%s: two rows" % name)
        answered[name] = row
    for name in answered:
        if name not in groups:
            differences.append("%s: not in truth.json" % name)
    for name, group in groups.items():
        for column, field in columns:
            given = str(answered[name][field]) if name in answered else "0"
            if given != group[column]:
                differences.append("%s: %s is %s, meter says %s" % (name, column, group[column], given))
    return differences


def main():
    end = sys.argv.index("--")
    path, key = sys.argv[1:3]
    columns = [column.split("=") for column in sys.argv[3:end]]
    arguments = sys.argv[end + 1:]
    rows = ask_meter(arguments)
    groups = truth(path)
    if key == "-":
        key, groups = "", {"": groups}
    groups = {group_name(name): group for name, group in groups.items()}
    if key.startswith("top:"):
        key = key[4:]
        column, field = columns[0]
        smallest = min(int(group[column]) for group in groups.values())
        rows = [row for row in rows if row[key] in groups or int(row[field]) > smallest]
    differences = compare(groups, rows, key, columns)
    title = "%s: %s of %d groups (%s)" % (path, ", ".join(column for column, _ in columns), len(groups), " ".join(arguments))
    if not groups or not differences:
        print("%s: %s" % ("ok" if groups else "FAILED", title))
        return 0 if groups else 3
    print("FAILED: %s: %d differences" % (title, len(differences)))
    for difference in differences[:10]:
        print("  " + difference)
    return 3


if __name__ == "__main__":
    sys.exit(main())
