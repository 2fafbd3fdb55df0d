#!/usr/bin/env python3
"""Measures fluxgate beside mosquitto and nginx on this machine, in one run, and prints one table of ratios.

Everything listens on free loopback ports, keeps its files in a temporary folder, and is ended by pid.
"""

import argparse
import contextlib
import dataclasses
import json
import os
import shutil
import signal
import sys
import tempfile

from harness import fluxgate, machine, metrics, mosquitto, nginx, table
from harness.comparison import Comparison, Measure
from harness.failure import BenchFailure
from harness.process import run_to_end
from harness.work import FanOut, HTTPPublish

HERE = os.path.dirname(os.path.abspath(__file__))
PACKAGES = {"mosquitto": "mosquitto", "mosquitto_passwd": "mosquitto", "nginx": "nginx-light", "wrk": "wrk"}
MISSED, FAILED = 1, 3

# The thresholds: how many times the peer's figure ours has to be.
DELIVERIES = [
    Measure("deliveries per CPU second", "per_cpu_second", 4.0),
    Measure("deliveries per second", "per_second", None),
]
REQUESTS = [
    Measure("requests per second", "per_second", 0.35),
    Measure("requests per CPU second", "per_cpu_second", 0.35),
]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=3, help="turns of each server (3)")
    parser.add_argument("--seconds", type=float, default=5, help="measured time of a turn (5)")
    parser.add_argument("--window", type=int, default=256, help="messages of one publisher under way at once (256)")
    parser.add_argument("--fluxgate", default=os.path.join(HERE, "..", ".build", "release", "fluxgate"), metavar="PATH")
    parser.add_argument("--json", action="store_true", help="the figures as JSON on standard output, the table beside")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a ratio is missed")
    options = parser.parse_args()
    if options.pairs < 1 or options.seconds < 1 or options.window < 1:
        parser.error("--pairs, --seconds and --window are at least 1")
    return options


def check_programs(binary):
    os.environ["PATH"] += ":/usr/local/sbin:/usr/sbin"  # where Debian has servers, and a plain user doesn't look
    missing = sorted({package for program, package in PACKAGES.items() if not shutil.which(program)})
    if missing:
        raise BenchFailure(f"these packages are missing: {' '.join(missing)}")
    if not os.access(binary, os.X_OK):
        raise BenchFailure(f"{os.path.relpath(binary)} is missing: build it with `swift build -c release`")


def build_load_program():
    run_to_end(["make", "--silent", "-C", f"{HERE}/load"], 120)
    return f"{HERE}/bin/mqttload"


def comparisons(options, folder, ours, keep):
    fan = FanOut(build_load_program(), 10, 10, 128, options.window, options.seconds)
    publish = HTTPPublish(folder, options.seconds)
    brokers = [mosquitto.start(f"{folder}/mosquitto-{on}", fan.connections, on, keep) for on in (True, False)]
    statics = [nginx.start(f"{folder}/nginx-{workers}", workers, keep) for workers in {1, machine.facts()["cores"]}]
    return [
        Comparison("MQTT QoS 0, 10 → 10, 128 B", fan, ours.mqtt(), brokers, DELIVERIES),
        Comparison("HTTP publish, 165 B SenML", publish, ours.http(), statics, REQUESTS),
    ]


def measure(options, folder, keep, tell):
    report = {"machine": machine.facts(), "settings": settings(options), "rows": [], "turns": {}}
    ours = fluxgate.Fluxgate(options.fluxgate, f"{folder}/fluxgate", 20, keep)
    works = comparisons(options, folder, ours, keep)
    before = ours.counters()
    for comparison in works:
        rows, report["turns"][comparison.name] = comparison.run(options.pairs, tell)
        report["rows"] += rows
    subscriptions = works[0].work.subscribers * options.pairs
    report["access"] = metrics.account(before, ours.counters(), subscriptions)
    return report


def settings(options):
    return {"pairs": options.pairs, "seconds": options.seconds, "window": options.window}


def as_json(report):
    turns = {work: {name: [dataclasses.asdict(turn) for turn in runs] for name, runs in by_name.items()}
             for work, by_name in report["turns"].items()}
    return json.dumps(report | {"rows": [row.as_json() for row in report["rows"]], "turns": turns}, indent=2)


def run(options):
    """Starts everything, measures, and ends everything, whatever happens."""
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="fluxgate-bench-"))

        def keep(program):
            stack.callback(program.stop)
            return program

        return measure(options, folder, keep, lambda line: print(line, file=sys.stderr, flush=True))


def main():
    options = arguments()
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, lambda *_: sys.exit(FAILED))
    try:
        check_programs(options.fluxgate)
        report = run(options)
    except BenchFailure as failure:
        print(f"bench: {failure}", file=sys.stderr)
        return FAILED
    print(table.render(report), file=sys.stderr if options.json else sys.stdout)
    if options.json:
        print(as_json(report))
    if not report["access"]["agree"]:
        return FAILED
    return MISSED if options.check and not all(row.reached for row in report["rows"]) else 0


if __name__ == "__main__":
    sys.exit(main())
