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
from harness.certificates import Certificates
from harness.comparison import Comparison, Measure
from harness.failure import BenchFailure
from harness.mqtt_work import Connect, FanOut, Idle
from harness.process import allow_files, run_to_end
from harness.work import HTTPPublish

HERE = os.path.dirname(os.path.abspath(__file__))
PACKAGES = {
    "mosquitto": "mosquitto",
    "mosquitto_passwd": "mosquitto",
    "nginx": "nginx-light",
    "openssl": "openssl",
    "wrk": "wrk",
}
MISSED, FAILED = 1, 3
THINGS = 20

# The thresholds: how many times the peer's figure ours has to be.
DELIVERIES = [
    Measure("deliveries per CPU second", "per_cpu_second", 4.0),
    Measure("deliveries per second", "per_second", None),
]
REQUESTS = [
    Measure("requests per second", "per_second", 0.35),
    Measure("requests per CPU second", "per_cpu_second", 0.35),
]

DELIVERIES_OVER_TLS = [
    Measure("deliveries per CPU second", "per_cpu_second", None),
    Measure("deliveries per second", "per_second", None),
]
CONNECTIONS = [
    Measure("connections per CPU second", "per_cpu_second", None),
    Measure("connections per second", "per_second", None),
]
MEMORY = [Measure("bytes of the server for each", "bytes_each", None, less_is_better=True)]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=3, help="turns of each server (3)")
    parser.add_argument("--seconds", type=float, default=5, help="measured time of a turn (5)")
    parser.add_argument("--window", type=int, default=256, help="messages of one publisher under way at once (256)")
    parser.add_argument("--connections", type=int, default=5000, help="idle connections over mutual TLS (5000)")
    parser.add_argument("--tls-version", choices=("1.2", "1.3"), default="1.3", help="of the works over TLS (1.3)")
    parser.add_argument("--fluxgate", default=os.path.join(HERE, "..", ".build", "release", "fluxgate"), metavar="PATH")
    parser.add_argument("--json", action="store_true", help="the figures as JSON on standard output, the table beside")
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


def plain(options, folder, load_program, ours, keep):
    fan = fan_out(options, load_program)
    publish = HTTPPublish(folder, options.seconds)
    brokers = [mosquitto.start(f"{folder}/mosquitto-{on}", fan.connections, on, keep) for on in (True, False)]
    statics = [nginx.start(f"{folder}/nginx-{workers}", workers, keep) for workers in {1, machine.facts()["cores"]}]
    return [
        Comparison("MQTT QoS 0, 10 → 10, 128 B", fan, ours.mqtt(), brokers, DELIVERIES),
        Comparison("HTTP publish, 165 B SenML", publish, ours.http(), statics, REQUESTS),
    ]


def over_tls(options, folder, load_program, ours, keep):
    """The last one starts the servers anew for each turn, so that it comes after the counters were read."""
    fan, idle = fan_out(options, load_program), Idle(load_program, options.connections)
    full, resumed = (Connect(load_program, resume, options.seconds) for resume in (False, True))
    brokers = [
        mosquitto.start(f"{folder}/mosquitto-tls-{on}", fan.connections, on, keep, ours.certificates)
        for on in (True, False)
    ]
    ours = ours.mqtt()
    return [
        Comparison("MQTT QoS 0, 10 → 10, 128 B, mutual TLS", fan, ours, brokers, DELIVERIES_OVER_TLS),
        Comparison("MQTT log-in, full mutual TLS", full, ours, brokers, CONNECTIONS),
        Comparison("MQTT log-in, resumed mutual TLS", resumed, ours, brokers, CONNECTIONS),
    ], Comparison("idle MQTT connection, mutual TLS", idle, ours, brokers[:1], MEMORY)


def fan_out(options, load_program):
    return FanOut(load_program, 10, 10, 128, options.window, options.seconds)


def measure(options, folder, keep, tell):
    allow_files(options.connections + 1000)
    report = {"machine": machine.facts(), "settings": settings(options), "rows": [], "turns": {}}
    load_program, certificates = build_load_program(), Certificates(f"{folder}/certificates", options.tls_version)
    ours = fluxgate.Fluxgate(options.fluxgate, f"{folder}/fluxgate", THINGS, keep)
    secure = fluxgate.Fluxgate(options.fluxgate, f"{folder}/fluxgate-tls", THINGS, keep, certificates)
    works = plain(options, folder, load_program, ours, keep)
    more, idle = over_tls(options, folder, load_program, secure, keep)
    before = ours.counters() + secure.counters()

    def run(comparison):
        rows, report["turns"][comparison.name] = comparison.run(options.pairs, tell)
        report["rows"] += rows

    for comparison in works + more:
        run(comparison)
    subscriptions = sum(each.work.subscribers for each in works + more if isinstance(each.work, FanOut)) * options.pairs
    report["access"] = metrics.account(before, ours.counters() + secure.counters(), subscriptions)
    run(idle)
    return report


def settings(options):
    return {name: getattr(options, name) for name in ("pairs", "seconds", "window", "connections", "tls_version")}


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
