#!/usr/bin/env python3
"""Measures fluxgate beside mosquitto, nginx and nats-server in one run on this machine, and prints one table of ratios.

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

from harness import document, machine, metrics, plan, table
from harness.failure import BenchFailure
from harness.process import allow_files, run_to_end

HERE = os.path.dirname(os.path.abspath(__file__))
PACKAGES = {
    "h2load": "nghttp2-client",
    "mosquitto": "mosquitto",
    "mosquitto_passwd": "mosquitto",
    "nats-server": "nats-server",
    "nginx": "nginx-light",
    "openssl": "openssl",
    "wrk": "wrk",
}
MISSED, FAILED = 1, 3


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=5, help="turns of each server (5)")
    parser.add_argument("--seconds", type=float, default=5, help="measured time of a turn (5)")
    parser.add_argument("--only", default="", metavar="TEXT", help="works whose name has it")
    parser.add_argument("--window", type=int, default=256, help="messages of one publisher under way at once (256)")
    parser.add_argument(
        "--connections", type=int, default=5000, help="idle ones over mutual TLS, and twice as many plain ones (5000)"
    )
    parser.add_argument("--tls-version", choices=("1.2", "1.3"), default="1.3", help="of the works over TLS (1.3)")
    parser.add_argument("--fluxgate", default=os.path.join(HERE, "..", ".build", "release", "fluxgate"), metavar="PATH")
    parser.add_argument("--json", action="store_true", help="the figures as JSON on standard output, the table beside")
    parser.add_argument("--docs", metavar="FOLDER", help=f"write {document.PAGE} and its plots there, if all works were run")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a ratio is missed")
    options = parser.parse_args()
    if min(options.pairs, options.seconds, options.window, options.connections) < 1:
        parser.error("--pairs, --seconds, --window and --connections are at least 1")
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


def measure(options, folder, tell):
    allow_files(2 * options.connections + 1000)
    report = {"machine": machine.facts(), "settings": settings(options), "rows": [], "turns": {}, "failures": []}
    report["access"] = metrics.account(metrics.NONE, metrics.NONE, 0)
    load_program = build_load_program()
    for kind in plan.STAGES:
        with contextlib.ExitStack() as stack:

            def keep(program):
                stack.callback(program.stop)
                return program

            stage = kind(options, f"{folder}/{kind.__name__}", report["machine"]["cores"], load_program, keep)
            os.makedirs(stage.folder, mode=0o700)
            measure_stage(stage, options, report, tell)
    return report


def measure_stage(stage, options, report, tell):
    def run(comparisons):
        for comparison in comparisons:
            try:
                rows, report["turns"][comparison.name] = comparison.run(options.pairs, tell)
                report["rows"] += rows
            except BenchFailure as failure:  # The others of a long run are worth having.
                report["failures"].append(f"{comparison.name}: {failure}")
                tell(f"FAILED: {report['failures'][-1]}")

    works = plan.comparisons(stage.works(), options.only)
    before = sum((server.counters() for server in stage.counted), metrics.NONE)
    run(works)
    after = sum((server.counters() for server in stage.counted), metrics.NONE)
    subscriptions = sum(each.subscriptions for each in works) * options.pairs
    report["access"] = metrics.added(report["access"], metrics.account(before, after, subscriptions))
    run(plan.comparisons(stage.afterwards(), options.only))


def settings(options):
    return {name: getattr(options, name) for name in ("pairs", "seconds", "window", "connections", "tls_version")}


def as_json(report):
    turns = {work: {name: [dataclasses.asdict(turn) for turn in runs] for name, runs in by_name.items()}
             for work, by_name in report["turns"].items()}
    return json.dumps(report | {"rows": [row.as_json() for row in report["rows"]], "turns": turns}, indent=2)


def run(options):
    """Starts everything, measures, and ends everything, whatever happens."""
    with tempfile.TemporaryDirectory(prefix="fluxgate-bench-") as folder:
        return measure(options, folder, lambda line: print(line, file=sys.stderr, flush=True))


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
    if report["failures"] or not report["access"]["agree"]:
        return FAILED
    if options.docs and not options.only:
        document.write(report, options.docs)
    return MISSED if options.check and not all(row.reached for row in report["rows"]) else 0


if __name__ == "__main__":
    sys.exit(main())
