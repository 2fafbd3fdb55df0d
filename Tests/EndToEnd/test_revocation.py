"""Certificates that are taken back while the platform runs."""

import contextlib
import datetime
import http.server
import signal
import socket
import threading
import time
import uuid

import pytest

from support import raw_mqtt as mqtt
from support.api import Account
from support.lists import crl, replace, serial
from support.mqtt_over_ws import FramedSocket
from support.pki import now
from support.raw_http import Ended, RawHTTP, request
from support.raw_mqtt import RawMQTT
from support.raw_ws import RawWS
from support.server import Server
from support.tls import context, refusal, secured

ADAPTERS = ("MF_HTTP_ADAPTER", "MF_WS_ADAPTER", "MF_MQTT_ADAPTER")
LISTENERS = ("http", "ws", "mqtts", "mqttws")
NAMES = ("http-adapter", "ws-adapter", "mqtt-adapter")


@pytest.fixture
def revoking(pki, tmp_path):
    """A server that looks at a list of the root, the place of the list, and a writer of it."""
    place = tmp_path / "root.crl"

    def write(*serials, **more):
        replace(place, crl(pki.root, *serials, **more))

    write()
    adapters = pki.variables(*ADAPTERS, clients=True)
    lists = {f"{prefix}_CLIENT_CRL": str(place) for prefix in ADAPTERS}
    running = Server(tmp_path, ca=pki.ca, **adapters, **lists).start()
    yield running, place, write
    running.check()
    assert running.stop() == 0, running.log()[-4000:]
    assert [name for name in pki.names if name in running.log()] == []


def _alive(server, condition, within=5.0):
    deadline = time.monotonic() + within
    while not condition(server.metrics()):
        assert time.monotonic() < deadline, server.log()[-2000:]
        time.sleep(0.02)


class Client:
    """A connection of each protocol by one certificate; `end` is when and how it was ended."""

    def __init__(self, server, channel, tls, kind: str):
        self.kind, self.end, self.ended_at = kind, None, None
        connection = secured(server, kind.split(" ")[0], tls, timeout=30)
        self.version = 5 if kind.endswith("5") else 4
        if kind == "http":
            self.raw = RawHTTP(connection)
            self.publish = lambda: self.raw.send(request("POST", f"/channels/{channel}/messages", body=b"x")).answer()
            assert self.publish().status == 202
        elif kind == "ws":
            self.raw = RawWS(connection, f"/channels/{channel}/messages").__enter__()
        else:
            carrier = connection if kind.startswith("mqtts ") else FramedSocket(connection)
            self.raw = RawMQTT(carrier, self.version).connect(uuid.uuid4().hex[:20])
        self.thread = threading.Thread(target=self._wait, daemon=True)

    def watch(self):
        self.thread.start()

    def _wait(self):
        if self.kind == "http":
            with contextlib.suppress(Ended, OSError):
                self.raw._fill()
            end = "closed"
        elif self.kind == "ws":
            end = self.raw.close_code()
        else:
            with contextlib.suppress(OSError):
                end = [(each.kind, each.body[:1]) for each in self.raw.packets_until_closed()]
        self.ended_at, self.end = time.monotonic(), end


KINDS = ("http", "ws", "mqtts 4", "mqtts 5", "mqttws 4", "mqttws 5")
ENDS = {
    "http": "closed",
    "ws": 1008,
    "mqtts 4": [],
    "mqtts 5": [(mqtt.DISCONNECT, b"\x87")],
    "mqttws 4": [],
    "mqttws 5": [(mqtt.DISCONNECT, b"\x87")],
}


def test_one_of_a_hundred_loses_its_connections_within_a_second_and_the_others_stay(revoking, pki):
    server, _, write = revoking
    account = Account(server)
    channel, thing, _ = account.pair()
    pairs = [pki.signed(thing.key) for _ in range(100)]
    # Every certificate has one connection, of each protocol in turn; the one that goes has one of each.
    victim = [Client(server, channel, context(pki.ca, pairs[0]), kind) for kind in KINDS]
    others = [
        Client(server, channel, context(pki.ca, pair), KINDS[number % len(KINDS)])
        for number, pair in enumerate(pairs[1:])
    ]
    for client in victim + others:
        client.watch()

    began = time.monotonic()
    write(serial(pairs[0]))
    for client in victim:
        client.thread.join(timeout=5)
        assert client.end == ENDS[client.kind], client.kind
    slowest = max(client.ended_at for client in victim) - began
    print(f"cut after {slowest * 1000:.0f} ms at the latest")
    assert slowest <= 1
    for listener in LISTENERS:
        refusal(server, listener, context(pki.ca, pairs[0]))
        assert refusal_count(server, "revoked_certificate") > 0
    assert [client.kind for client in others if client.end is not None] == []
    for pair in pairs[1:10]:
        Client(server, channel, context(pki.ca, pair), "mqtts 5").raw.socket.close()


def refusal_count(server, reason: str) -> float:
    return sum(value for name, value in server.metrics().items() if "tls_refused" in name and f'"{reason}"' in name)


def test_what_is_wrong_with_a_list_neither_opens_nor_shuts_a_listener(revoking, pki):
    server, place, write = revoking
    thing = Account(server).pair()[1]
    bad, good = pki.signed(thing.key), pki.signed(thing.key)
    write(serial(bad))
    _alive(server, lambda samples: samples.get('fluxgate_crl_entries{listener="mqtt-adapter"}') == 1)
    past, long_ago = now() - datetime.timedelta(hours=1), now() - datetime.timedelta(hours=2)
    wrong = {
        "empty": b"",
        "broken": b"nonsense",
        "foreign": crl(pki.stranger("Foreign CA"), serial(good)),
        "signature": crl(pki.stranger(), serial(good)),
        "older": crl(pki.root, begin=long_ago, end=past),
    }
    for reason, content in wrong.items():
        replace(place, content)
        for name in NAMES:
            label = f'fluxgate_crl_problems_total{{listener="{name}",reason="{reason}"}}'
            _alive(server, lambda samples: samples.get(label) == 1)  # noqa: B023
        for listener in LISTENERS:
            refused, tls = context(pki.ca, bad), context(pki.ca, good)
            before = refusal_count(server, "revoked_certificate")
            refusal(server, listener, refused)
            assert refusal_count(server, "revoked_certificate") == before + 1
            secured(server, listener, tls).close()
    place.unlink()
    _alive(server, lambda samples: any("unreadable" in name for name in samples))
    assert server.log().count("holds no revocation list, or a broken one") == len(ADAPTERS)
    server.check()


def test_an_expired_list_refuses_whom_it_names_and_nobody_else(pki, tmp_path):
    thing_key, place = uuid.uuid4().hex, tmp_path / "root.crl"
    bad, good = pki.signed(thing_key), pki.signed(thing_key)
    yesterday = now() - datetime.timedelta(days=1)
    replace(place, crl(pki.root, serial(bad), begin=yesterday, end=now() - datetime.timedelta(hours=1)))
    variables = {**pki.variables("MF_HTTP_ADAPTER", clients=True), "MF_HTTP_ADAPTER_CLIENT_CRL": str(place)}
    server = Server(tmp_path, ca=pki.ca, **variables).start()
    try:
        _alive(server, lambda samples: any("expired" in name and value == 1 for name, value in samples.items()))
        refusal(server, "http", context(pki.ca, bad))
        assert refusal_count(server, "revoked_certificate") == 1
        with RawHTTP(secured(server, "http", context(pki.ca, good))) as http:
            assert http.send(request("GET", "/version")).answer().status == 200
        samples = server.metrics()
        assert -3700 < samples['fluxgate_crl_seconds_until_next_update{listener="http-adapter"}'] <= -3500
        assert server.log().count("should have been replaced") == 1
    finally:
        assert server.stop() == 0


def test_a_missing_list_ends_the_start(pki, tmp_path):
    name, place = "MF_WS_ADAPTER_CLIENT_CRL", tmp_path / "none.crl"
    server = Server(tmp_path, **pki.variables("MF_WS_ADAPTER", clients=True), **{name: str(place)}).launch()
    assert server.process.wait(timeout=5) == 2
    assert name in server.log() and str(place) in server.log()


class Lists(http.server.BaseHTTPRequestHandler):
    content, status, headers_sent = b"", 200, ()

    def do_GET(self):
        self.send_response(type(self).status)
        for name, value in type(self).headers_sent:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(type(self).content)))
        self.end_headers()
        self.wfile.write(type(self).content)

    def log_message(self, *_):
        pass


@pytest.fixture
def lists():
    """A web server with one list."""
    handler = type("Handler", (Lists,), {})
    web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=web.serve_forever)
    thread.start()
    yield handler, f"http://127.0.0.1:{web.server_address[1]}/root.crl"
    web.shutdown()
    thread.join()
    web.server_close()


def test_a_list_behind_an_address_is_asked_for_and_stays_when_it_is_gone(pki, tmp_path, lists):
    handler, address = lists
    thing_key = uuid.uuid4().hex
    bad, other = pki.signed(thing_key), pki.signed(thing_key)
    handler.content = crl(pki.root, serial(bad))
    server = Server(
        tmp_path,
        ca=pki.ca,
        **pki.variables("MF_HTTP_ADAPTER", clients=True),
        MF_HTTP_ADAPTER_CLIENT_CRL=address,
        MF_HTTP_ADAPTER_CLIENT_CRL_INTERVAL="1s",
    ).start()
    try:
        refusal(server, "http", context(pki.ca, bad))
        assert refusal_count(server, "revoked_certificate") == 1, "known before the listener opens"
        secured(server, "http", context(pki.ca, other)).close()
        handler.content = crl(pki.root, serial(bad), serial(other))
        _alive(server, lambda samples: samples['fluxgate_crl_entries{listener="http-adapter"}'] == 2)
        refusal(server, "http", context(pki.ca, other))
        assert refusal_count(server, "revoked_certificate") == 2
        handler.status, handler.headers_sent = 302, (("Location", address.replace("root", "other")),)
        _alive(server, lambda samples: any("unreachable" in name for name in samples))
        refusal(server, "http", context(pki.ca, bad))
        assert refusal_count(server, "revoked_certificate") == 3
    finally:
        assert server.stop() == 0


def test_an_address_that_does_not_answer_lets_the_platform_start_and_say_so(pki, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        server = Server(
            tmp_path,
            ca=pki.ca,
            **pki.variables("MF_HTTP_ADAPTER", clients=True),
            MF_HTTP_ADAPTER_CLIENT_CRL=f"http://127.0.0.1:{port}/root.crl",
        )
        began = time.monotonic()
        server.start()
        try:
            assert 4 < time.monotonic() - began < 8
            assert "doesn't answer with a revocation list" in server.log()
            secured(server, "http", context(pki.ca, pki.signed(uuid.uuid4().hex))).close()
        finally:
            assert server.stop() == 0


def test_a_signal_has_a_list_read_and_told_of_again(revoking, pki):
    server, place, _ = revoking
    replace(place, b"nonsense")
    label = 'fluxgate_crl_problems_total{listener="ws-adapter",reason="broken"}'
    _alive(server, lambda samples: samples.get(label) == 1)
    server.process.send_signal(signal.SIGHUP)
    _alive(server, lambda samples: samples.get(label) == 2)
