"""What the harness reads and computes, and that it leaves nothing running."""

import json
import os
import socket
import sys
import tempfile
import unittest
import xml.etree.ElementTree

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from harness import document, machine, metrics, process, table  # noqa: E402
from harness.comparison import Comparison, Measure  # noqa: E402
from harness.failure import BenchFailure  # noqa: E402
from harness.mqtt_work import Connect, Idle  # noqa: E402
from harness.target import TLS, MQTTTarget  # noqa: E402
from harness.work import Turn  # noqa: E402

METRICS = """\
# TYPE fluxgate_access_checks_total counter
fluxgate_access_checks_total{result="granted",note="a } \\" b"} 7
fluxgate_access_checks_total{result="refused"} 1
fluxgate_access_checks_total_something 100
fluxgate_messages_published_total{protocol="mqtt"} 5
fluxgate_messages_published_total{protocol="http"} 3 1700000000
"""


class Replay:
    """A work whose turns are known before."""

    def __init__(self, figures):
        self.figures = {name: list(values) for name, values in figures.items()}

    def drive(self, target):
        figure = self.figures[target.name].pop(0)
        return Turn(figure, figure, 1, {})


def compare(needed, less_is_better=False, bound=None, **figures):
    ours, *peers = (MQTTTarget(name, None, 0, "", "") for name in figures)
    measure = Measure("measure", "per_second", needed, less_is_better, bound)
    comparison = Comparison("work", Replay(figures), ours, peers, [measure])
    order = []
    [row], _ = comparison.run(len(figures["ours"]), order.append)
    return row, order


def report(*rows):
    return {
        "machine": machine.facts(),
        "settings": {"pairs": 3, "seconds": 5, "tls_version": "1.3"},
        "rows": list(rows),
        "turns": {},
        "failures": [],
        "access": metrics.account(metrics.NONE, metrics.NONE, 0),
    }


class Documenting(unittest.TestCase):
    def setUp(self):
        more, _ = compare(4, ours=[40, 90, 10], peer=[10, 12, 8])
        less, _ = compare(1, less_is_better=True, ours=[4, 2, 3], peer=[1, 2, 3])
        alone, _ = compare(None, bound=5, ours=[9])
        self.rows = [more, less, alone]

    def written(self, name):
        with tempfile.TemporaryDirectory() as folder:
            document.write(report(*self.rows), folder)
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                return file.read()

    def test_has_every_row_and_how_many_are_reached(self):
        page = self.written(document.PAGE)
        table_rows = [line for line in page.splitlines() if line.startswith("| work |")]

        self.assertEqual(len(table_rows), 1 + len(self.rows))
        self.assertIn("2 of 3 figures", page)
        self.assertIn("≤ 1 × MISSED", page)

    def test_draws_a_bar_for_each_ratio(self):
        svg = "{http://www.w3.org/2000/svg}"
        for name, color in ((document.MORE, "#2b6cb0"), (document.LESS, "#c05621")):
            bars = xml.etree.ElementTree.fromstring(self.written(name)).findall(f"{svg}rect")[1:]
            self.assertEqual([bar.get("fill") for bar in bars], [color])
            self.assertGreater(float(bars[0].get("width")), 1)


class Comparing(unittest.TestCase):
    def test_divides_the_medians_by_those_of_the_better_peer(self):
        row, _ = compare(4, ours=[40, 90, 10], slow=[1, 1, 1], fast=[10, 12, 8])

        self.assertEqual((row.peer_name, row.ratio), ("fast", 4))
        self.assertEqual(row.pair_ratios, [4, 7.5, 1.25])
        self.assertTrue(row.reached)

    def test_misses_what_is_just_below_the_threshold(self):
        row, _ = compare(4, ours=[39.9], peer=[10])

        self.assertFalse(row.reached)

    def test_takes_the_peer_with_the_least_when_less_is_better(self):
        row, _ = compare(None, less_is_better=True, ours=[30], large=[40], small=[20])

        self.assertEqual((row.peer_name, row.ratio), ("small", 1.5))

    def test_misses_what_takes_longer_than_it_may_by_itself_or_beside_the_peer(self):
        cases = ((1, None, 9, True), (1, None, 11, False), (None, 8, 9, False), (2, 20, 19, True))
        for needed, bound, ours, reached in cases:
            row, _ = compare(needed, less_is_better=True, bound=bound, ours=[ours], peer=[10])

            self.assertEqual(row.reached, reached)

    def test_needs_no_peer(self):
        row, _ = compare(None, bound=30, ours=[40, 20, 30])

        self.assertEqual((row.ratio, row.reached), (None, True))
        self.assertIn("≥ 30 reached", table.cells(row))

    def test_takes_turns(self):
        _, order = compare(None, ours=[1, 2], peer=[3, 4])

        self.assertEqual([line.split(", ")[2].split(":")[0] for line in order], ["ours", "peer", "ours", "peer"])


class Accounting(unittest.TestCase):
    def test_sums_over_labels_and_skips_other_names(self):
        counters = metrics.counters(METRICS)

        self.assertEqual(counters, metrics.Counters(8, {"mqtt": 5, "http": 3}))

    def test_agrees_when_each_message_was_checked(self):
        before, after = metrics.Counters(1, {"mqtt": 1}), metrics.Counters(11, {"mqtt": 8, "http": 3})

        self.assertTrue(metrics.account(before, after, 4)["agree"])

    def test_disagrees_about_one_unchecked_message(self):
        before, after = metrics.Counters(0, {}), metrics.Counters(9, {"mqtt": 10})

        self.assertFalse(metrics.account(before, after, 4)["agree"])

    def test_adds_up_what_two_servers_counted(self):
        both = metrics.Counters(3, {"mqtt": 3}) + metrics.Counters(5, {"mqtt": 4, "http": 1})

        self.assertEqual(both, metrics.Counters(8, {"mqtt": 7, "http": 1}))

    def test_disagrees_when_nothing_was_counted(self):
        self.assertFalse(metrics.account(metrics.NONE, metrics.NONE, 4)["agree"])

    def test_two_accounts_agree_if_both_do(self):
        good = metrics.account(metrics.NONE, metrics.Counters(5, {"mqtt": 5}), 0)
        bad = metrics.account(metrics.NONE, metrics.Counters(4, {"http": 5}), 0)

        both = metrics.added(good, good)
        self.assertEqual((both["access_checks"], both["messages_by_protocol"], both["agree"]), (10, {"mqtt": 10}, True))
        self.assertFalse(metrics.added(good, bad)["agree"])


class Processes(unittest.TestCase):
    def start(self, folder, script):
        return process.Program("shell", ["sh", "-c", script], f"{folder}/log")

    def test_ends_a_program_with_the_processes_that_it_started(self):
        with tempfile.TemporaryDirectory() as folder:
            program = self.start(folder, "sleep 60 & trap '' TERM; sleep 60; sleep 60")
            process.wait_until(program, lambda: len(program.pids) == 3, "has no children", 10)
            pids = program.pids

            program.stop(patience=0.2)

            self.assertEqual([pid for pid in pids if process.is_running_in(program.child.pid, pid)], [])

    def test_starts_a_program_anew(self):
        with tempfile.TemporaryDirectory() as folder:
            program = self.start(folder, "exec sleep 60")
            first = program.child.pid
            try:
                program.restart()

                self.assertFalse(process.is_running_in(first, first))
                self.assertTrue(process.is_running_in(program.child.pid, program.child.pid))
            finally:
                program.stop()

    def test_counts_the_time_of_the_whole_family(self):
        with tempfile.TemporaryDirectory() as folder:
            program = self.start(folder, "sh -c 'while :; do :; done' & wait")
            try:
                process.wait_until(program, lambda: program.cpu_seconds() > 0.1, "takes no time", 10)
            finally:
                program.stop()

    def test_tells_what_a_program_said_before_it_ended(self):
        with tempfile.TemporaryDirectory() as folder:
            program = self.start(folder, "echo no such file; exit 4")

            with self.assertRaisesRegex(BenchFailure, "ended with 4: no such file"):
                process.wait_for_port(program, process.free_ports(1)[0])

    def test_reads_times_behind_any_name(self):
        stat = "7 (a) b) c) S 1 7 7 0 -1 0 0 0 0 0 300 50 0 0"

        self.assertEqual(process.parse_cpu_seconds(stat), 350 / process.TICKS)

    def test_ends_what_takes_too_long(self):
        with self.assertRaisesRegex(BenchFailure, "did not end"):
            process.run_to_end(["sleep", "60"], 0.1)


class Connecting(unittest.TestCase):
    """The load program is a script that answers what was written before, and leaves its options in a file."""

    RESULT = {"connections": 20, "seconds": 2, "connections_per_s": 10, "connections_per_server_cpu_s": 40}

    def drive(self, work, **result):
        with tempfile.TemporaryDirectory() as folder:
            script = f"{folder}/load"
            answer = json.dumps(self.RESULT | {"server_cpu_s": 0.5} | result)
            with open(script, "w", encoding="utf-8") as file:
                file.write(f"#!/bin/sh\necho \"$@\" > {folder}/options\necho '{answer}'\n")
            os.chmod(script, 0o700)
            program = process.Program("server", ["sleep", "60"], f"{folder}/log")
            first = program.child.pid
            with socket.create_server(("127.0.0.1", 0)) as listener:
                port = listener.getsockname()[1]
                target = MQTTTarget("server", program, port, "topic", "accounts", TLS("ca.crt", "1.2"))
                try:
                    turn = work(script).drive(target)
                finally:
                    program.stop()
            with open(f"{folder}/options", encoding="utf-8") as file:
                return turn, file.read().split(), program.child.pid != first

    def test_believes_a_figure_of_resumed_sessions_when_all_were_resumed(self):
        turn, options, _ = self.drive(lambda script: Connect(script, True, 2), resumed=20)

        self.assertEqual((turn.per_second, turn.per_cpu_second, turn.server_cpu_share), (10, 40, 0.25))
        self.assertIn("--resume", options)
        self.assertEqual(options[options.index("--tls-ca") + 1], "ca.crt")
        self.assertEqual(options[options.index("--tls-version") + 1], "1.2")

    def test_does_not_believe_it_when_one_was_not(self):
        with self.assertRaisesRegex(BenchFailure, "19 of 20 TLS sessions were resumed, where all"):
            self.drive(lambda script: Connect(script, True, 2), resumed=19)

    def test_does_not_believe_a_figure_of_full_handshakes_when_one_was_resumed(self):
        with self.assertRaisesRegex(BenchFailure, "1 of 20 TLS sessions were resumed, where none"):
            self.drive(lambda script: Connect(script, False, 2), resumed=1)

    def test_weighs_idle_connections_on_a_fresh_server(self):
        turn, _, restarted = self.drive(lambda script: Idle(script, 20), bytes_per_connection=12345)

        self.assertEqual(turn.bytes_each, 12345)
        self.assertTrue(restarted)

    def test_says_how_many_sessions_were_resumed(self):
        turns = [Turn(1, 1, 1, {"tls": "TLSv1.3", "resumed": 3000, "connections": 3000})] * 2
        lines = list(table.handshakes({"turns": {"log-in": {"ours": turns}, "other": {"ours": [Turn(1, 1, 1, {})]}}}))

        self.assertEqual(lines, ["log-in: TLSv1.3, sessions resumed: ours 6,000 of 6,000"])


class Machine(unittest.TestCase):
    def test_finds_the_processor(self):
        self.assertEqual(machine.cpu_model("processor : 0\nmodel name\t: Some CPU: fast\n"), "Some CPU: fast")


if __name__ == "__main__":
    unittest.main()
