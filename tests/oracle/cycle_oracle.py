#!/usr/bin/env python3
"""Work out the boundaries and names of billing cycles with Python's zoneinfo and datetime, and compare them with those of libmeter.

usage: cycle_oracle.py CYCLE_PRINT [ZONE...]

Every period of every unit, 1970 to 2070 and some years after 2400 and before 9999, in each ZONE (awkward ones if none is named;
"all": every zone there is), by the calendar and from anchors: each day of four months, 29 February among them, at changing times of
day; of "all" the zones that are not awkward have eight anchors. CYCLE_PRINT is built as the top of cycle_print.c says. The first
difference is shown and ends the run with 1.
"""
import calendar
import os
import subprocess
import sys
import zoneinfo
from bisect import bisect_right
from concurrent.futures import ProcessPoolExecutor
from datetime import date, datetime, timedelta, timezone

ZONES = ["Europe/Berlin", "America/New_York", "Pacific/Apia", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Kathmandu",
         "Europe/Dublin", "America/Nuuk", "Pacific/Kiritimati", "America/Sao_Paulo", "America/St_Johns", "America/Havana",
         "Asia/Gaza", "Pacific/Kwajalein", "Africa/Monrovia", "UTC"]  # Monrovia's offset has seconds until 1972
MONTHS = {"month": 1, "quarter": 3, "year": 12}
TIMES = [(0, 0, 0), (23, 59, 59), (12, 34, 56), (0, 0, 1)]  # of the anchor, by the clock of the zone
# Quarters from August and from February end on other days; weeks have only seven anchors to tell apart.
ANCHORS = [date(year, month, day) for year, month in ((2024, 1), (2024, 2), (2024, 3), (2023, 8))
           for day in range(1, calendar.monthrange(year, month)[1] + 1)]
FEW_ANCHORS = [date(2024, 1, day) for day in (1, 15, 28, 29, 30, 31)] + [date(2024, 2, 29), date(2023, 8, 31)]
SPANS = [(date(1970, 1, 1), date(2070, 1, 1)), (date(2400, 1, 1), date(2405, 1, 1)), (date(9990, 1, 1), date(9994, 1, 1))]
MARGIN = timedelta(days=800)  # more than two of the longest periods
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


# ---- the rules, a second time ----


def seconds(moment):
    return (moment - EPOCH) // timedelta(seconds=1)


def day_start(zone, day):
    """The first second whose local date is day or later. zoneinfo answers for midnight, unless it was skipped: then search."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
    moment = midnight.astimezone(timezone.utc)
    if moment.astimezone(zone).replace(tzinfo=None) == midnight.replace(tzinfo=None):
        return seconds(moment)
    before, after = (seconds(datetime(day.year, day.month, day.day, tzinfo=timezone.utc)) + 3600 * h for h in (-27, 27))
    while after - before > 1:
        middle = (before + after) // 2
        if (EPOCH + timedelta(seconds=middle)).astimezone(zone).date() >= day:
            after = middle
        else:
            before = middle
    return after


def dates(unit, anchor, first, last):
    """The dates from first to last on which periods start."""
    if unit == "day":
        return [first + timedelta(days=n) for n in range((last - first).days)]
    if unit == "week":
        weekday = anchor.weekday() if anchor else 0
        start = first + timedelta(days=(weekday - first.weekday()) % 7)
        return [start + timedelta(days=n) for n in range(0, (last - start).days, 7)]
    found = []
    origin = (anchor.year, anchor.month, anchor.day) if anchor else (2000, 1, 1)
    for year in range(first.year, last.year):
        for month in range(1, 13):
            if ((year - origin[0]) * 12 + month - origin[1]) % MONTHS[unit] == 0:
                found.append(date(year, month, min(origin[2], calendar.monthrange(year, month)[1])))
    return found


def name(unit, anchor, day):
    if unit == "day" or (unit == "week" and anchor):
        return day.isoformat()
    if unit == "week":
        year, week, _ = day.isocalendar()
        return f"{year}-W{week:02}"
    if unit == "month" or anchor:
        return day.isoformat()[:7]
    return f"{day.year}-Q{(day.month + 2) // 3}" if unit == "quarter" else f"{day.year}"


def periods(unit, anchor, starts, first, last):
    """The periods from the one that first begins in to the one that last begins in."""
    days = [day for day in dates(unit, anchor, first - MARGIN, last + MARGIN) if day in starts]
    days = [day for day, next_day in zip(days, days[1:]) if starts[day] < starts[next_day]]  # a skipped day is no period
    begin, end = (bisect_right([starts[day] for day in days], starts[day]) - 1 for day in (first, last))
    return [f"{starts[day]} {starts[following]} {name(unit, anchor, day)}"
            for day, following in zip(days[begin:end + 1], days[begin + 1:end + 2])]


# ---- comparing ----


def anchor_at(zone, day, index):
    """The instant of an anchor, and the local date it lies on, which is another one if the zone skipped that time."""
    moment = datetime(day.year, day.month, day.day, *TIMES[index % len(TIMES)], tzinfo=zone).astimezone(timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ"), moment.astimezone(zone).date()


def cases(zone_name, anchors):
    """(the line for CYCLE_PRINT, what it must answer)"""
    zone = zoneinfo.ZoneInfo(zone_name)
    anchors = [("calendar", None)] + [anchor_at(zone, day, index) for index, day in enumerate(anchors)]
    for first, last in SPANS:
        days = dates("day", None, first - MARGIN, last + MARGIN)
        starts = {day: day_start(zone, day) for day in days}
        for unit in ["day", "week", *MONTHS]:
            for text, anchor in anchors[:{"day": 3, "week": 8}.get(unit)]:
                expected = periods(unit, anchor, starts, first, last)
                yield f"{zone_name} {unit} {text} {first} {len(expected)}", expected


def compare(arguments):
    """How many periods of a zone are right; a text: what is not."""
    program, zone_name, anchors = arguments
    asked = list(cases(zone_name, anchors))
    run = subprocess.run([program], input="\n".join(line for line, _ in asked), capture_output=True, text=True)
    answers = run.stdout.splitlines()
    at = 0
    for line, expected in asked:
        for wanted in expected:
            came = answers[at] if at < len(answers) else "nothing"
            if came != wanted:
                return f"{line}\n  expected {wanted}\n  came     {came}\n{run.stderr}"
            at += 1
    if run.returncode or at != len(answers):
        return f"{zone_name}: exit code {run.returncode}, {len(answers)} lines for {at}\n{run.stderr}"
    return at


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    names = sys.argv[2:] or ZONES
    if names == ["all"]:
        names = sorted(zoneinfo.available_timezones() - {"localtime", "Factory"})
    is_thorough = lambda name: sys.argv[2:] != ["all"] or name in ZONES
    total = 0
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for found in pool.map(compare, [(sys.argv[1], name, ANCHORS if is_thorough(name) else FEW_ANCHORS) for name in names]):
            if isinstance(found, str):
                pool.shutdown(cancel_futures=True)
                sys.exit(found)
            total += found
    print(f"{total} periods in {len(names)} zones passed, 0 failed")


if __name__ == "__main__":
    main()
