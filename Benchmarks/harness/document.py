"""The figures of a whole run as a page of the documentation, with its plots."""

import os

from . import plot, table

PAGE, MORE, LESS = "benchmarks.md", "benchmarks-more.svg", "benchmarks-less.svg"
HEAD = """\
# Benchmarks

What `make bench` measured on one machine in one run: every server does the same work by turns (ours, peer, ours, peer …), driven by the
same load program. This page and its plots are written by that run. [Benchmarks/README.md](../Benchmarks/README.md) says how to repeat it, and
how to read it.

![How many times the peer's work](benchmarks-more.svg)

![What share of the peer's time and memory](benchmarks-less.svg)

"""
ON = """\
## What was on

- fluxgate: its default configuration, with key authentication, access checks and limits; messages are acknowledged when they have been handed over
  (`MF_MESSAGE_DURABILITY=memory`), but for the works called durable. The separate programs: PostgreSQL with `fsync`, and NATS.
- mosquitto: a password file and an ACL file; the better of its two Nagle settings counts. nginx: a static 202, with the better number of workers.
  nats-server: its own MQTT, on JetStream.
- No TLS but for mutual TLS: {tls_version}, ECDSA P-256, AES-128-GCM, X25519. There fluxgate compares certificate and key, mosquitto takes the CN for the user.
- *Per CPU second* is of the user and system time of the server's processes. *Per second* is with the load program on the same cores.
"""


def write(report, folder):
    with open(os.path.join(folder, PAGE), "w", encoding="utf-8") as file:
        file.write(page(report))
    for name, title, less in (
        (MORE, "fluxgate beside the better peer: how many times as much, logarithmic", False),
        (LESS, "fluxgate beside the better peer: time and memory, less is better, logarithmic", True),
    ):
        bars = [bar(row) for row in report["rows"] if row.peer and row.measure.less_is_better == less]
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(plot.ratios(title, bars))


def bar(row):
    measure = row.measure
    return plot.Bar(row.work, measure.name, row.ratio, row.pair_ratios, measure.needed, not row.reached, row.peer_name)


def page(report):
    machine, settings = report["machine"], report["settings"]
    facts = [
        f"- {machine['cpu']}, {machine['cores']} cores, Linux {machine['kernel']}; load average before the run "
        f"{machine['load_average_at_start']}",
        f"- {', '.join(f'{name} {version}' for name, version in machine['versions'].items())}",
        f"- turns for each server: {settings['pairs']}, of {settings['seconds']:g} s; the load program shares the machine. Figures are "
        "medians, with the least and the most of the turns in brackets; ratios divide the medians, with the least and the most of the pairs",
        f"- {table.checks(report)}",
    ]
    rows = [
        "| work | measure | fluxgate | better peer | | ratio | to reach |",
        "|---|---|---|---|---|---|---|",
        *(f"| {' | '.join(table.cells(row))} |" for row in report["rows"]),
    ]
    reached = sum(row.reached for row in report["rows"] if table.needed(row))
    wanted = sum(1 for row in report["rows"] if table.needed(row))
    verdict = f"{reached} of {wanted} figures reach what they have to."
    return "\n".join([HEAD + "## The machine, and the run", "", *facts, "", "## The figures", "", verdict, "", *rows, "",
                      ON.format(tls_version=f"TLS {settings['tls_version']}")])
