"""The load program against a broker that errs on purpose: what it reports has to be what happened."""

import json
import os
import ssl
import subprocess
import sys
import tempfile
import unittest

from imperfect_broker import ImperfectBroker

HERE = os.path.dirname(os.path.abspath(__file__))
LOAD = os.path.join(HERE, "..", "load")
PROGRAM = os.path.join(LOAD, "..", "bin", "mqttload")

sys.path.insert(0, os.path.join(HERE, ".."))

from harness.certificates import Certificates  # noqa: E402


def setUpModule():
    subprocess.run(["make", "--silent", "-C", LOAD], check=True)


def load(broker, *options):
    command = [PROGRAM, "--port", str(broker.port), "--publishers", "2", "--subscribers", "3", "--window", "64"]
    command += ["--seconds", "0.3", "--warmup", "0.1", "--drain", "0.3", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


class Case(unittest.TestCase):
    def measure(self, *options, **faults):
        with ImperfectBroker(**faults) as broker:
            done = load(broker, *options)
            self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout), broker.counts

    def refuse(self, reason, *options, **faults):
        with ImperfectBroker(**faults) as broker:
            done = load(broker, *options)
        self.assertIn(reason, done.stderr)
        self.assertEqual((done.returncode, done.stdout), (3, ""))


class FanOut(Case):
    def test_counts_every_message_of_a_faultless_broker(self):
        result, broker = self.measure()

        self.assertGreater(result["sent"], 0)
        self.assertEqual(result["total_sent"], broker["published"])
        self.assertEqual(result["total_received"], 3 * broker["published"])
        for fault in ("lost", "duplicated", "reordered", "foreign", "stalled_windows"):
            self.assertEqual(result[fault], 0, fault)

    def test_acknowledges_and_waits_for_acknowledgements(self):
        for qos in ("1", "2"):
            result, broker = self.measure("--qos", qos, "--inflight", "5")

            self.assertEqual((result["qos"], result["inflight"]), (int(qos), 5))
            self.assertEqual(result["total_received"], 3 * broker["published"])
            self.assertEqual(broker["acknowledged"], 3 * broker["published"])
            self.assertEqual((result["lost"], result["foreign"]), (0, 0))

    def test_keeps_to_a_rate(self):
        result, broker = self.measure("--rate", "500", "--seconds", "1")

        self.assertAlmostEqual(result["sent"] / result["seconds"], 500, delta=25)
        self.assertEqual(result["total_received"], 3 * broker["published"])

    def test_a_late_start_counts_as_latency(self):
        result, _ = self.measure("--rate", "200000", "--window", "1")

        self.assertLess(result["sent"] / result["seconds"], 200_000)
        self.assertGreater(result["latency_us"]["p99"], 10_000)

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
        self.refuse("refused with code 5", refuse=True)

    def test_ends_without_a_figure_when_a_connection_is_lost(self):
        self.refuse("closed by the server", cut_after=100)


class Connecting(Case):
    def test_counts_every_connection(self):
        result, broker = self.measure("connect", "--count", "30", "--parallel", "4")

        self.assertGreaterEqual(result["connections"], 30)
        self.assertEqual(result["latency_us"]["count"], result["connections"])
        self.assertEqual(result["total_connections"], broker["connects"])

    def test_takes_turns_through_the_source_addresses(self):
        result, broker = self.measure("connect", "--count", "30", "--sources", "3")

        sources = [broker[f"127.0.0.{number}"] for number in (1, 2, 3)]
        self.assertEqual(sum(sources), result["total_connections"])
        self.assertLessEqual(max(sources) - min(sources), 1)

    def test_ends_when_it_is_not_let_in(self):
        self.refuse("refused with code 5", "connect", refuse=True)


class Idling(Case):
    def test_measures_what_a_connection_takes(self):
        options = ("idle", "--publishers", "5", "--subscribers", "15", "--server-pid", str(os.getpid()))
        result, broker = self.measure(*options, ballast=1_000_000)

        self.assertEqual((result["connections"], broker["connects"]), (20, 20))
        self.assertGreater(result["bytes_per_connection"], 900_000)
        self.assertLess(result["bytes_per_connection"], 1_200_000)


class TLS(Case):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.certificates = Certificates(f"{folder.name}/ours")
        cls.foreign = Certificates(f"{folder.name}/foreign")
        cls.thing = cls.certificates.thing("a-thing-key", "thing")
        cls.options = ("--tls-ca", cls.certificates.ca, "--tls-cert", cls.thing.certificate, "--tls-key", cls.thing.key)

    def context(self, certificates=None, mutual=True, tickets=2):
        certificates = certificates or self.certificates
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates.server.certificate, certificates.server.key)
        context.load_verify_locations(self.certificates.ca)
        context.verify_mode = ssl.CERT_REQUIRED if mutual else ssl.CERT_NONE
        context.num_tickets = tickets
        return context

    def same(self, **options):
        """One context for all the connections, so that a session of one is known to the next."""
        context = self.context(**options)
        return lambda: context

    def test_counts_every_message(self):
        result, broker = self.measure(*self.options, tls=self.same(), drop=7)

        self.assertGreater(result["sent"], 0)
        self.assertEqual(result["total_sent"], broker["published"])
        self.assertEqual(result["total_received"], broker["delivered"])
        self.assertEqual(result["lost"], broker["drop"])
        self.assertEqual((result["tls_full"], broker["certificates"]), (5, 5))

    def test_counts_messages_that_are_longer_than_a_record(self):
        result, broker = self.measure(*self.options, "--size", "50000", "--window", "4", tls=self.same())

        self.assertGreater(result["sent"], 0)
        self.assertEqual(result["total_received"], broker["delivered"])
        self.assertEqual((result["lost"], result["foreign"]), (0, 0))

    def test_shows_its_certificate_in_every_full_handshake(self):
        for version, name in (("1.2", "TLSv1.2"), ("1.3", "TLSv1.3")):
            with self.subTest(version):
                result, broker = self.connect("--tls-version", version, tls=self.same())

                self.assertEqual(result["tls"], name)
                self.assertEqual(result["resumed"], 0)
                self.assertEqual(result["tls_full"], broker["full"])
                self.assertEqual(result["tls_full"], broker["certificates"])

    def test_resumes_all_the_connections_that_it_measures(self):
        for version in ("1.2", "1.3"):
            with self.subTest(version):
                result, broker = self.connect("--resume", "--tls-version", version, tls=self.same())

                self.assertGreaterEqual(result["resumed"], 20)
                self.assertEqual(result["resumed"], result["connections"])
                self.assertEqual((result["tls_full"], result["tls_resumed"]), (broker["full"], broker["resumed"]))

    def test_does_not_take_a_full_handshake_for_a_resumed_one(self):
        result, broker = self.connect("--resume", tls=self.context)

        self.assertEqual((result["resumed"], broker["resumed"]), (0, 0))
        self.assertGreaterEqual(result["connections"], 20)

    def test_ends_when_there_is_no_session_to_resume(self):
        self.refuse("no TLS session", "connect", "--resume", *self.options, tls=self.same(tickets=0))

    def test_ends_when_the_server_does_not_ask_for_the_certificate(self):
        self.refuse("did not ask for a certificate", *self.options, tls=self.same(mutual=False))

    def test_ends_when_the_server_is_not_of_the_ca(self):
        self.refuse("unable to get local issuer certificate", *self.options, tls=self.same(certificates=self.foreign))

    def test_ends_when_its_certificate_is_refused(self):
        stranger = self.foreign.thing("a-thing-key", "thing")
        options = ("--tls-ca", self.certificates.ca, "--tls-cert", stranger.certificate, "--tls-key", stranger.key)

        self.refuse("unknown ca", "connect", *options, tls=self.same())

    def test_uses_the_certificate_of_each_account(self):
        other = self.certificates.thing("another-thing-key", "other")
        names = []

        class Broker(ImperfectBroker):
            def shake_hands(self, peer):
                secure = super().shake_hands(peer)
                names.append(dict(field for [field] in secure.getpeercert()["subject"])["commonName"])
                return secure

        with tempfile.NamedTemporaryFile("w") as accounts, Broker(tls=self.same()) as broker:
            accounts.write("".join(f"u p {pair.certificate} {pair.key}\n" for pair in (self.thing, other)))
            accounts.flush()
            done = load(broker, "--tls-ca", self.certificates.ca, "--creds", accounts.name)

        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(sorted(names), ["a-thing-key"] * 3 + ["another-thing-key"] * 2)

    def connect(self, *options, tls):
        return self.measure("connect", "--count", "20", "--parallel", "4", *self.options, *options, tls=tls)


if __name__ == "__main__":
    unittest.main()
