"""Certificates, keys and authorities that are replaced while the platform runs."""

import hashlib
import pathlib
import signal
import ssl
import threading
import time
import uuid

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from support import raw_mqtt as mqtt
from support.api import Account, publish_http
from support.lists import replace
from support.listeners import topic
from support.pki import SERVER
from support.programs import SeparatePrograms
from support.raw_http import RawHTTP, request
from support.raw_mqtt import RawMQTT
from support.server import PORT_VARIABLES, Server
from support.tls import VERSIONS, refusal

PREFIXES = ("MF_USERS", "MF_THINGS", "MF_HTTP_ADAPTER", "MF_WS_ADAPTER", "MF_MQTT_ADAPTER", "MF_FLUXGATE_OPS")
ADAPTERS = ("MF_HTTP_ADAPTER", "MF_WS_ADAPTER", "MF_MQTT_ADAPTER")
LISTENERS = tuple(name for name in PORT_VARIABLES if name != "mqtt")


class Files:
    """Copies of what the listeners are made of, to be replaced."""

    def __init__(self, pki, directory: pathlib.Path):
        self.pki, self.directory = pki, directory
        self.certificate, self.key, self.ca = (directory / name for name in ("tls.crt", "tls.key", "ca.crt"))
        self.pair(pki.server)
        replace(self.ca, pki.ca.read_bytes())

    def pair(self, pair) -> None:
        replace(self.key, pair.key.read_bytes())
        replace(self.certificate, pair.certificate.read_bytes())

    def variables(self, *prefixes: str, clients: bool = False) -> dict[str, str]:
        named = {"SERVER_CERT": self.certificate, "SERVER_KEY": self.key}
        if clients:
            named["CLIENT_CA_CERTS"] = self.ca
        return {f"{prefix}_{name}": str(path) for prefix in prefixes for name, path in named.items()}


@pytest.fixture
def files(pki, tmp_path):
    (tmp_path / "files").mkdir()
    return Files(pki, tmp_path / "files")


def _client(pki, pair=None, version=None) -> ssl.SSLContext:
    """One that takes whatever certificate the server shows."""
    made = ssl.create_default_context(cafile=str(pki.ca))
    made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
    if version:
        made.minimum_version = made.maximum_version = version
    if pair:
        made.load_cert_chain(pair.certificate, pair.key)
    return made


def _connect(server, listener: str, client: ssl.SSLContext, **more) -> ssl.SSLSocket:
    return client.wrap_socket(server.connect(listener), **more)


def _shown(server, listener: str, client: ssl.SSLContext) -> str:
    with _connect(server, listener, client) as connection:
        return hashlib.sha256(connection.getpeercert(binary_form=True)).hexdigest()


def _digest(pair) -> str:
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pair.certificate.read_text().split("\n\n")[0])).hexdigest()


def _await(condition, what, within=5.0):
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, what()
        time.sleep(0.02)


def _reloads(server, result: str) -> float:
    return server.metrics().get(f'fluxgate_tls_reload_total{{result="{result}"}}', 0)


class Load:
    """A client that publishes with QoS 1 as fast as it is answered, on one connection, until told to stop."""

    def __init__(self, server, listener_context, channel, thing=None):
        self.raw = RawMQTT(_connect(server, "mqtts", listener_context), 5)
        self.raw.connect(uuid.uuid4().hex[:20], *((thing.id, thing.key) if thing else ()))
        self.count, self.error, self.stopping = 0, None, threading.Event()
        self.thread = threading.Thread(target=self._run, args=(topic(channel),))
        self.thread.start()

    def _run(self, name: str):
        try:
            while not self.stopping.is_set():
                answer = self.raw.send(mqtt.publish(name, b"x", 1, version=5)).packet()
                assert answer.kind == mqtt.PUBACK and answer.body[2:3] in (b"", b"\0"), answer
                self.count += 1
        except BaseException as error:  # noqa: BLE001
            self.error = error

    def went_on(self) -> None:
        before = self.count
        _await(lambda: self.error or self.count > before + 10, lambda: "no more publishes")
        assert self.error is None

    def stop(self) -> None:
        self.stopping.set()
        self.thread.join(timeout=10)
        self.raw.socket.close()
        assert self.error is None


def test_a_new_pair_is_shown_on_every_listener_and_nobody_is_dropped(pki, files, tmp_path):
    server = Server(tmp_path, ca=pki.ca, **files.variables(*PREFIXES)).start()
    client, loads = _client(pki), []
    try:
        channel, thing, _ = Account(server).pair()
        loads = [Load(server, client, channel, thing) for _ in range(3)]
        kept = RawHTTP(_connect(server, "http", client))
        new = pki.signed("localhost", purpose=SERVER, host="localhost")
        assert {_shown(server, listener, client) for listener in LISTENERS} == {_digest(pki.server)}

        files.pair(new)
        began = time.monotonic()
        for listener in LISTENERS:
            _await(lambda: _shown(server, listener, client) == _digest(new), lambda: listener)  # noqa: B023
        print(f"new pair on all listeners after {(time.monotonic() - began) * 1000:.0f} ms")
        for load in loads:
            load.went_on()
        assert kept.send(request("GET", "/version")).answer().status == 200
        _await(lambda: _reloads(server, "reloaded") == len(PREFIXES), server.metrics)
    finally:
        for load in loads:
            load.stop()
        assert server.stop() == 0
    assert "PRIVATE KEY" not in server.log()


def test_a_new_bundle_counts_for_new_connections_and_drops_nobody(pki, files, tmp_path):
    server = Server(tmp_path, ca=pki.ca, **files.variables(*ADAPTERS, clients=True)).start()
    loads = []
    try:
        channel, thing, _ = Account(server).pair()
        other = pki.stranger("Next CA")
        old, new = pki.signed(thing.key), pki.signed(thing.key, by=other)
        contexts = [_client(pki, old, version) for version in VERSIONS.values()]
        loads = [Load(server, each, channel) for each in contexts]
        sessions = []
        for each in contexts:
            with RawMQTT(_connect(server, "mqtts", each)) as raw:
                raw.connect(uuid.uuid4().hex[:20])
                sessions.append(raw.socket.session)
        with RawMQTT(_connect(server, "mqtts", contexts[0], session=sessions[0])) as raw:
            assert raw.connect(uuid.uuid4().hex[:20]).socket.session_reused, "sessions are resumed before"
        assert refusal(server, "mqtts", _strict(pki, new)) == 48

        replace(files.ca, other.certificate.public_bytes(Encoding.PEM))
        _await(lambda: _reloads(server, "reloaded") == len(ADAPTERS), server.metrics)
        for load in loads:
            load.went_on()
        for listener in ("http", "ws", "mqtts", "mqttws"):
            assert refusal(server, listener, _strict(pki, old)) == 48, listener
        for each, session in zip(contexts, sessions):
            with pytest.raises((OSError, AssertionError)):
                with _connect(server, "mqtts", each, session=session) as connection:
                    assert connection.recv(1) != b""
        with RawMQTT(_connect(server, "mqtts", _client(pki, new))) as raw:
            raw.connect(uuid.uuid4().hex[:20])
    finally:
        for load in loads:
            load.stop()
        assert server.stop() == 0


def _strict(pki, pair):
    made = ssl.create_default_context(cafile=str(pki.ca))
    made.load_cert_chain(pair.certificate, pair.key)
    return made


def test_what_cannot_be_used_leaves_the_old_in_use_and_is_told_once(pki, files, tmp_path):
    server = Server(tmp_path, ca=pki.ca, **files.variables("MF_HTTP_ADAPTER", clients=True)).start()
    client = _client(pki)
    try:
        good = {path: path.read_bytes() for path in (files.certificate, files.key, files.ca)}
        for number, path in enumerate(good):
            replace(path, good[path][: len(good[path]) // 2])
            _await(lambda: _reloads(server, "failed") == number + 1, server.metrics)  # noqa: B023
            assert _shown(server, "http", client) == _digest(pki.server)
            replace(path, good[path])
        assert server.log().count("those before stay in use") == len(good)
        assert all(str(path) in server.log() for path in good)
    finally:
        assert server.stop() == 0


def test_separate_programs_show_new_pairs_also_over_grpc_and_survive_a_hangup(pki, files, tmp_path):
    prefixes = ("MF_USERS", "MF_THINGS")
    trust = {f"{prefix}_CA_CERTS": str(pki.ca) for prefix in ("MF_THINGS", *ADAPTERS)}
    programs = SeparatePrograms(tmp_path, copies=1, ca=pki.ca, **files.variables(*prefixes), **trust)
    try:
        view, client = programs.start().view(), _client(pki)
        client.set_alpn_protocols(["h2"])
        new = pki.signed("localhost", purpose=SERVER, host="localhost")
        account = Account(view)
        channel, thing, _ = account.pair()
        listeners = ("users", "things", "auth", "users-grpc", "things-grpc")
        assert {_shown(view, listener, client) for listener in listeners} == {_digest(pki.server)}

        files.pair(new)
        for each in programs.programs:
            each.process.send_signal(signal.SIGHUP)
        for listener in listeners:
            _await(lambda: _shown(view, listener, client) == _digest(new), lambda: listener)  # noqa: B023
        # Asked over the connections that were open, and over new ones.
        assert publish_http(view, channel, thing.key, b"x") == 202
        fresh = account.thing()
        account.connect(channel, fresh)
        assert publish_http(view, channel, fresh.key, b"x") == 202
        programs.check()
        assert all("SIGHUP" in each.log() for each in programs.programs)
        assert set(programs.stop().values()) == {0}
    finally:
        programs.end()


def test_no_program_dies_of_a_hangup(tmp_path):
    server = Server(tmp_path).start()
    for _ in range(3):
        server.process.send_signal(signal.SIGHUP)
    _await(lambda: "SIGHUP" in server.log(), server.log)
    server.check()
    assert server.stop() == 0
