#!/usr/bin/env python3
"""Counts what each path of a message costs: instructions and allocations, which are the same on every run, and nanoseconds.

Valgrind counts; what setting up costs is left out, as the difference between a few and many times.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
THRESHOLDS = os.path.join(HERE, "paths", "thresholds.json")
FEW, MANY, TIMED = 100, 2_100, 1_000_000
HEADINGS = ("path", "instructions", "allocations", "ns", "at most")
MISSED, FAILED = 1, 3

# The seed of Swift's hash tables would make the counts differ.
ENVIRONMENT = os.environ | {"SWIFT_DETERMINISTIC_HASHING": "1"}
INSTRUCTIONS = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
ALLOCATIONS = ["valgrind", "--tool=memcheck", "--leak-check=no", "--undef-value-errors=no"]


class PathFailure(Exception):
    """Something could not be run or can't be trusted; the text says what."""


def output(command):
    try:
        ended = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=300)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PathFailure(str(error)) from error
    if ended.returncode:
        raise PathFailure(f"{' '.join(command)} ended with {ended.returncode}: {ended.stderr[-2000:]}")
    return ended.stdout, ended.stderr


def counted(tool, pattern, program, path, times):
    _, told = output([*tool, program, path, str(times)])
    found = re.search(pattern, told)
    if not found:
        raise PathFailure(f"{tool[1]} told nothing of '{path}': {told[-2000:]}")
    return int(found.group(1).replace(",", ""))


def each(tool, pattern, program, path):
    few, many = (counted(tool, pattern, program, path, times) for times in (FEW, MANY))
    return (many - few) / (MANY - FEW)


def nanoseconds(program, path):
    """The best of some, because other work on the machine only ever adds."""
    return min(int(output([program, path, str(TIMED)])[0]) / TIMED for _ in range(5))


def measured(program, path):
    """Of a program without debugging information: valgrind knows an older kind of it only."""
    return {
        "instructions": each(INSTRUCTIONS, r"Collected\s*:\s*(\d+)", program, path),
        "allocations": each(ALLOCATIONS, r"total heap usage: ([\d,]+) allocs", program, path),
        "nanoseconds": nanoseconds(program, path),
    }


def exceeded(figures, most):
    return [name for name, bound in most.items() if figures[name] > bound]


def line(path, figures, most):
    bounds = ", ".join(f"{bound:,} {name}" for name, bound in most.items())
    counts = (f"{figures['instructions']:,.0f}", f"{figures['allocations']:.2f}", f"{figures['nanoseconds']:,.0f}")
    over = exceeded(figures, most)
    return (path, *counts, bounds + (f": MORE {', '.join(over)}" if over else ""))


def table(lines):
    lines = [HEADINGS, *lines]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    program = os.path.join(HERE, "..", ".build", "release", "hotpaths")
    parser.add_argument("--program", default=program, metavar="PATH")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a path costs more than its threshold")
    options = parser.parse_args()
    with open(THRESHOLDS, encoding="utf-8") as file:
        thresholds = json.load(file)
    try:
        with tempfile.TemporaryDirectory() as folder:
            program = os.path.join(folder, "hotpaths")
            output(["strip", "-o", program, options.program])
            figures = {path: measured(program, path) for path in thresholds}
    except PathFailure as failure:
        print(f"paths: {failure}", file=sys.stderr)
        return FAILED
    print(table(line(path, figures[path], most) for path, most in thresholds.items()))
    return MISSED if options.check and any(exceeded(figures[path], most) for path, most in thresholds.items()) else 0


if __name__ == "__main__":
    sys.exit(main())
