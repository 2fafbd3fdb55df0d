"""What the harness reads and computes, and that it leaves nothing running."""

import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from harness import machine, metrics, process  # noqa: E402
from harness.comparison import Comparison, Measure  # noqa: E402
from harness.failure import BenchFailure  # noqa: E402
from harness.target import MQTTTarget  # noqa: E402
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


def compare(needed, **figures):
    ours, *peers = (MQTTTarget(name, None, 0, "", "") for name in figures)
    comparison = Comparison("work", Replay(figures), ours, peers, [Measure("measure", "per_second", needed)])
    order = []
    [row], _ = comparison.run(len(figures["ours"]), order.append)
    return row, order


class Comparing(unittest.TestCase):
    def test_divides_the_medians_by_those_of_the_better_peer(self):
        row, _ = compare(4, ours=[40, 90, 10], slow=[1, 1, 1], fast=[10, 12, 8])

        self.assertEqual((row.peer_name, row.ratio), ("fast", 4))
        self.assertEqual(row.pair_ratios, [4, 7.5, 1.25])
        self.assertTrue(row.reached)

    def test_misses_what_is_just_below_the_threshold(self):
        row, _ = compare(4, ours=[39.9], peer=[10])

        self.assertFalse(row.reached)

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

    def test_disagrees_when_nothing_was_counted(self):
        self.assertFalse(metrics.account(metrics.Counters(0, {}), metrics.Counters(0, {}), 0)["agree"])


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


class Machine(unittest.TestCase):
    def test_finds_the_processor(self):
        self.assertEqual(machine.cpu_model("processor : 0\nmodel name\t: Some CPU: fast\n"), "Some CPU: fast")


if __name__ == "__main__":
    unittest.main()
