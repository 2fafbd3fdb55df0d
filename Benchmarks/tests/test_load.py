"""The load program against a broker that errs on purpose: what it reports has to be what happened."""

import json
import os
import subprocess
import unittest

from imperfect_broker import ImperfectBroker

LOAD = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "load")
PROGRAM = os.path.join(LOAD, "..", "bin", "mqttload")


def load(broker, *options):
    command = [PROGRAM, "--port", str(broker.port), "--publishers", "2", "--subscribers", "3", "--window", "64"]
    command += ["--seconds", "0.3", "--warmup", "0.1", "--drain", "0.3", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


class LoadProgram(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        subprocess.run(["make", "--silent", "-C", LOAD], check=True)

    def measure(self, *options, **faults):
        with ImperfectBroker(**faults) as broker:
            done = load(broker, *options)
            self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout), broker.counts

    def test_counts_every_message_of_a_faultless_broker(self):
        result, broker = self.measure()

        self.assertGreater(result["sent"], 0)
        self.assertEqual(result["total_sent"], broker["published"])
        self.assertEqual(result["total_received"], 3 * broker["published"])
        for fault in ("lost", "duplicated", "reordered", "foreign", "stalled_windows"):
            self.assertEqual(result[fault], 0, fault)

    def test_counts_lost_messages(self):
        result, broker = self.measure(drop=7)

        self.assertGreater(broker["drop"], 0)
        self.assertEqual(result["lost"], broker["drop"])
        self.assertEqual(result["total_received"], broker["delivered"])
        self.assertEqual(result["total_expected"], result["total_received"] + result["lost"])

    def test_counts_duplicates_apart_from_deliveries(self):
        result, broker = self.measure(double=5, drop=11)

        self.assertGreater(broker["double"], 0)
        self.assertEqual(result["duplicated"], broker["double"])
        self.assertEqual(result["total_received"], broker["delivered"])

    def test_does_not_take_a_late_message_for_a_lost_one(self):
        result, broker = self.measure(delay=13)

        self.assertGreater(broker["late"], 0)
        self.assertEqual(result["reordered"], broker["late"])
        self.assertEqual(result["total_received"], broker["delivered"])

    def test_goes_on_when_a_whole_window_is_lost(self):
        result, broker = self.measure("--seconds", "1.6", drop=1)

        self.assertGreater(result["stalled_windows"], 0)
        self.assertGreater(broker["published"], 2 * 64)
        self.assertEqual(result["lost"], result["total_expected"])

    def test_measures_a_time_for_every_delivery_of_the_measured_interval(self):
        result, _ = self.measure()

        self.assertEqual(result["latency_us"]["count"], result["received"])
        quantiles = [result["latency_us"][name] for name in ("p50", "p90", "p99", "p999", "max")]
        self.assertEqual(quantiles, sorted(quantiles))
        self.assertGreater(quantiles[0], 0)

    def test_ends_when_it_is_not_let_in(self):
        with ImperfectBroker(refuse=True) as broker:
            done = load(broker)

        self.assertEqual(done.returncode, 3)
        self.assertIn("refused with code 5", done.stderr)
        self.assertEqual(done.stdout, "")

    def test_ends_without_a_figure_when_a_connection_is_lost(self):
        with ImperfectBroker(cut_after=100) as broker:
            done = load(broker)

        self.assertEqual(done.returncode, 3)
        self.assertEqual(done.stdout, "")


if __name__ == "__main__":
    unittest.main()
