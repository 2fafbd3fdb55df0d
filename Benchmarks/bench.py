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
from harness.work import HTTPPublish, PacedHTTPPublish

HERE = os.path.dirname(os.path.abspath(__file__))
PACKAGES = {
    "h2load": "nghttp2-client",
    "mosquitto": "mosquitto",
    "mosquitto_passwd": "mosquitto",
    "nginx": "nginx-light",
    "openssl": "openssl",
    "wrk": "wrk",
}
MISSED, FAILED = 1, 3
THINGS = 505


# What is compared: how many times the peer's figure ours has to be, and what it has to be by itself.
def deliveries(needed=None, bound=None):
    return [
        Measure("deliveries per CPU second", "per_cpu_second", needed, bound=bound),
        Measure("deliveries per second", "per_second"),
    ]


def connections(needed=None, bound=None):
    return [
        Measure("connections per CPU second", "per_cpu_second", needed, bound=bound),
        Measure("connections per second", "per_second"),
    ]


def latency(needed=None, bound=None):
    return [Measure("99 % within µs", "p99_us", needed, less_is_better=True, bound=bound)]


def memory(bound):
    return [Measure("bytes of the server for each", "bytes_each", less_is_better=True, bound=bound)]


REQUESTS = [
    Measure("requests per second", "per_second", 0.5),
    Measure("requests per CPU second", "per_cpu_second"),
]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=5, help="turns of each server (5)")
    parser.add_argument("--seconds", type=float, default=5, help="measured time of a turn (5)")
    parser.add_argument("--only", default="", metavar="TEXT", help="works whose name has it")
    parser.add_argument("--window", type=int, default=256, help="messages of one publisher under way at once (256)")
    parser.add_argument("--connections", type=int, default=5000, help="idle connections over mutual TLS, and twice as many plain ones (5000)")
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
    """The last one starts the servers anew for each turn, so that it comes after the counters were read."""
    brokers = [mosquitto.start(f"{folder}/mosquitto-{on}", THINGS, on, keep) for on in (True, False)]
    statics = [nginx.start(f"{folder}/nginx-{workers}", workers, keep) for workers in {1, machine.facts()["cores"]}]
    half = PacedHTTPPublish(folder, options.seconds)
    websocket = FanOut(load_program, 1, 100, 128, options.window, options.seconds, websocket=True)

    def fan(name, publishers, subscribers, size, measures, **more):
        work = FanOut(load_program, publishers, subscribers, size, options.window, options.seconds, **more)
        return Comparison(f"MQTT {name}", work, ours.mqtt(), brokers, measures)

    return [
        fan("QoS 0, 1 → 1, 128 B", 1, 1, 128, deliveries(6)),
        fan("QoS 0, 10 → 10, 128 B", 10, 10, 128, deliveries(6)),
        fan("QoS 0, 5 → 500, 64 B", 5, 500, 64, deliveries(8) + latency(1)),
        fan("QoS 1, 1 → 1, 128 B", 1, 1, 128, deliveries(4), qos=1),
        fan("QoS 1, 10 → 10, 128 B", 10, 10, 128, deliveries(4), qos=1),
        fan("QoS 2, 10 → 10, 128 B", 10, 10, 128, deliveries(3), qos=2),
        fan("QoS 0, 1 → 1, 128 B, 10,000/s", 1, 1, 128, latency(1), rate=10_000),
        Comparison("MQTT log-in", Connect(load_program, False, options.seconds), ours.mqtt(), brokers, connections(1.5)),
        Comparison("HTTP publish, 165 B SenML", HTTPPublish(folder, options.seconds), ours.http(), statics, REQUESTS),
        Comparison("HTTP publish at half of the full rate", half, ours.http(), statics[:1], latency(bound=2_000)),
        Comparison("WebSocket, 1 → 100, 128 B", websocket, ours.websocket(), [], deliveries(bound=1_000_000)),
    ], Comparison("idle MQTT connection", Idle(load_program, 2 * options.connections), ours.mqtt(), brokers[:1], memory(5_120))


def over_tls(options, folder, load_program, ours, keep):
    """As with the plain ones, the last one is for the end."""
    fan = FanOut(load_program, 10, 10, 128, options.window, options.seconds)
    full, resumed = (Connect(load_program, resume, options.seconds) for resume in (False, True))
    brokers = [
        mosquitto.start(f"{folder}/mosquitto-tls-{on}", fan.connections, on, keep, ours.certificates)
        for on in (True, False)
    ]
    ours, idle = ours.mqtt(), Idle(load_program, options.connections)
    return [
        Comparison("MQTT QoS 0, 10 → 10, 128 B, mutual TLS", fan, ours, brokers, deliveries(6)),
        Comparison("MQTT log-in, full mutual TLS", full, ours, brokers, connections(2.5, 2_000)),
        Comparison("MQTT log-in, resumed mutual TLS", resumed, ours, brokers, connections(3)),
    ], Comparison("idle MQTT connection, mutual TLS", idle, ours, brokers[:1], memory(28 * 1_024))


def measure(options, folder, keep, tell):
    allow_files(2 * options.connections + 1000)
    report = {"machine": machine.facts(), "settings": settings(options), "rows": [], "turns": {}}
    load_program, certificates = build_load_program(), Certificates(f"{folder}/certificates", options.tls_version)
    ours = fluxgate.Fluxgate(options.fluxgate, f"{folder}/fluxgate", THINGS, keep)
    secure = fluxgate.Fluxgate(options.fluxgate, f"{folder}/fluxgate-tls", 20, keep, certificates)
    works, idle = plain(options, folder, load_program, ours, keep)
    works_over_tls, idle_over_tls = over_tls(options, folder, load_program, secure, keep)
    before = ours.counters() + secure.counters()

    def run(comparisons):
        for comparison in comparisons:
            rows, report["turns"][comparison.name] = comparison.run(options.pairs, tell)
            report["rows"] += rows

    works = [each for each in works + works_over_tls if options.only in each.name]
    run(works)
    subscriptions = sum(each.work.subscribers for each in works if isinstance(each.work, FanOut)) * options.pairs
    report["access"] = metrics.account(before, ours.counters() + secure.counters(), subscriptions)
    run([each for each in (idle, idle_over_tls) if options.only in each.name])
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
