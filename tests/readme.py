#!/usr/bin/env python3
"""readme.py - the README keeps its word: its program is the example, and its commands print what it says.

A block ```console holds "$ command" lines, each followed by what it prints: standard output, then standard error, then [status] unless that
is 0. "$ cat FILE" makes the file instead of printing it. Commands run in one scratch folder, in order. Numbers that depend on the clock are
compared as N. Usage: readme.py BUILD
"""
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.abspath(sys.argv[1])


def blocks(text, language):
    return [match.rstrip("\n") for match in re.findall(r"^```%s\n(.*?)^```$" % language, text, re.S | re.M)]


def steps(block):
    """(command, expected output) in order."""
    command, output = None, []
    for line in block.split("\n"):
        if line.startswith("$ "):
            if command is not None:
                yield command, "\n".join(output)
            command, output = line[2:], []
        else:
            output.append(line)
    yield command, "\n".join(output)


def timeless(text):
    text = re.sub(r'"seconds":[0-9.]+,"events_per_second":[0-9]+', '"seconds":N,"events_per_second":N', text)
    return "\n".join(line.rstrip() for line in text.rstrip("\n").split("\n"))


def run(command, folder):
    environment = dict(os.environ, PATH=BUILD + os.pathsep + folder + os.pathsep + os.environ["PATH"], TZ="UTC", LC_ALL="C")
    environment.pop("METER_DB", None)
    done = subprocess.run(["sh", "-c", command], cwd=folder, env=environment, capture_output=True, text=True)
    status = "[%d]\n" % done.returncode if done.returncode else ""
    return done.stdout + done.stderr + status


def check_console(text, folder):
    count, failed = 0, 0
    for block in blocks(text, "console"):
        for command, expected in steps(block):
            made = re.fullmatch(r"cat ([a-z.]+)", command)
            if made:
                with open(os.path.join(folder, made[1]), "w") as file:
                    file.write(expected + "\n")
                continue
            if command.startswith("cc "):  # tests/install.sh builds against an installed libmeter; here the example stands in
                os.symlink(os.path.join(BUILD, "examples", "quickstart"), os.path.join(folder, "quickstart"))
                continue
            count += 1
            got = run(command, folder)
            if timeless(got) != timeless(expected):
                failed += 1
                print("README: $ %s\n--- expected\n%s\n--- got\n%s" % (command, expected, got))
    return count, failed


def main():
    with open(os.path.join(ROOT, "README.md")) as file:
        text = file.read()
    with open(os.path.join(ROOT, "examples", "quickstart.c")) as file:
        example = file.read().rstrip("\n")
    with tempfile.TemporaryDirectory() as folder:
        count, failed = check_console(text, folder)
    count += 1
    if blocks(text, "c") != [example]:
        failed += 1
        print("README: its program is not examples/quickstart.c")
    if count < 8:
        failed += 1
        print("README: only %d checks were found" % count)
    print("readme: %d passed, %d failed" % (count - failed, failed))
    return 1 if failed else 0


sys.exit(main())
