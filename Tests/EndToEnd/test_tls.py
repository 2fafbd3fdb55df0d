"""TLS itself: resumed sessions, handshakes that are none, and ends without a goodbye."""

import datetime
import itertools
import socket
import ssl
import time
import uuid

import pytest
import requests
from websockets.sync.client import connect as ws_connect

from support import raw_mqtt as mqtt
from support.api import Account, publish_http
from support.ledger import Ledger, in_handshake, in_protocol
from support.listeners import PahoClient, topic
from support.pki import PKI, now
from support.raw_http import RawHTTP, request
from support.raw_mqtt import RawMQTT
from support.server import Server
from support.tls import TLS12, TLS13, VERSIONS, context, refusal, secured

numbers = itertools.count(1)
BY_VERSION = pytest.mark.parametrize("version", VERSIONS.values(), ids=VERSIONS.keys())

# The `listener` label of each listener's metrics.
LABELS = {
    "users": "users",
    "things": "things",
    "auth": "things-auth",
    "http": "http-adapter",
    "ws": "ws-adapter",
    "mqtts": "mqtt-adapter",
    "mqttws": "mqtt-adapter-ws",
    "ops": "ops",
}
TIMEOUT = 0.5


@pytest.fixture(scope="module")
def account(mutual):
    return Account(mutual)


@pytest.fixture
def pair(account):
    return account.pair()


@pytest.fixture
def heard(mutual, pki, pair, closing):
    """A listener over TLS, on the second thing's certificate."""
    raw = RawMQTT(closing(secured(mutual, "mqtts", context(pki.ca, pki.signed(pair[2].key)))))
    assert raw.connect(f"h{next(numbers)}").subscribe(topic(pair[0], "#")) == [0]
    return raw


@pytest.fixture(scope="module")
def all_tls(program, pki, tmp_path_factory):
    """Nothing plain; client certificates are asked for by MQTT only, and a handshake has little time."""
    server = Server(
        tmp_path_factory.mktemp("all-tls"),
        ca=pki.ca,
        **pki.variables("MF_USERS", "MF_THINGS", "MF_FLUXGATE_OPS", "MF_HTTP_ADAPTER", "MF_WS_ADAPTER"),
        **pki.variables("MF_MQTT_ADAPTER", clients=True),
        MF_REQUIRE_TLS="true",
        MF_TLS_HANDSHAKE_TIMEOUT=f"{int(TIMEOUT * 1000)}ms",
    ).start()
    yield server
    server.check()
    assert server.stop() == 0


def _connack(connection, version: int = 4) -> int:
    answer = RawMQTT(connection, version).send(mqtt.connect(f"c{next(numbers)}", version=version)).packet()
    assert answer.kind == mqtt.CONNACK
    return answer.body[1]


def _publish(connection, channel: str, *headers: str) -> int:
    return RawHTTP(connection).send(request("POST", f"/channels/{channel}/messages", *headers)).answer().status


# --- resumed sessions ------------------------------------------------------------------------------------------------


@BY_VERSION
class TestAResumedSession:
    """It brings no certificate of its own, and is judged by that of the session before as if it did."""

    @pytest.fixture
    def client(self, pki, pair, version):
        return context(pki.ca, pki.signed(pair[1].key), version)

    def test_is_as_good_as_a_new_one(self, mutual, pair, client):
        with secured(mutual, "mqtts", client) as first:
            assert _connack(first) == 0
            session = first.session
        with secured(mutual, "mqtts", client, session) as second:
            assert second.session_reused and _connack(second) == 0

        with secured(mutual, "http", client) as first:
            assert _publish(first, pair[0]) == 202
            session = first.session
        with secured(mutual, "http", client, session) as second:
            assert second.session_reused and _publish(second, pair[0]) == 202

    def test_must_show_no_other_key(self, mutual, pair, client):
        with secured(mutual, "http", client) as first:
            assert _publish(first, pair[0]) == 202
            session = first.session
        ledger = Ledger(mutual)
        with secured(mutual, "http", client, session) as second:
            assert second.session_reused
            assert _publish(second, pair[0], f"Authorization: {pair[2].key}") == 403
        ledger.expect(in_protocol("http", "key_mismatch"))

    def test_of_a_thing_that_was_removed_is_refused(self, mutual, account, pair, client):
        sessions = {}
        for listener, open_one in (("mqtts", _connack), ("http", lambda connection: _publish(connection, pair[0]))):
            with secured(mutual, listener, client) as first:
                assert open_one(first) in (0, 202)
                sessions[listener] = first.session
        account.remove_thing(pair[1])
        ledger = Ledger(mutual)

        with secured(mutual, "mqtts", client, sessions["mqtts"]) as second:
            assert second.session_reused and _connack(second) == 5
        with secured(mutual, "http", client, sessions["http"]) as second:
            assert second.session_reused and _publish(second, pair[0]) == 403
        ledger.expect(in_protocol("mqtt", "unknown_key"), in_protocol("http", "unknown_key"))


def test_a_resumed_session_ends_with_its_certificate(mutual, pki, pair):
    end = now() + datetime.timedelta(seconds=2)
    short = pki.signed(pair[1].key, end=end)
    resumable = []
    for version in VERSIONS.values():
        client = context(pki.ca, short, version)
        with secured(mutual, "mqtts", client) as first, secured(mutual, "http", client) as second:
            assert (_connack(first), _publish(second, pair[0])) == (0, 202)
            resumable += [("mqtts", client, first.session), ("http", client, second.session)]
    ledger = Ledger(mutual)

    time.sleep(max(0, end.timestamp() + 1.05 - time.time()))  # Certificates count in whole seconds.

    for listener, client, session in resumable:
        assert refusal(mutual, listener, client, session) in (45, None)
        ledger.expect(in_handshake(LABELS[listener], "expired_certificate"))


def test_a_session_without_a_certificate_is_not_resumed_where_one_is_asked_for(all_tls, pki):
    """Both listeners have the same certificate; a ticket of the one must not open the other."""
    client = context(pki.ca, None, TLS13)
    with secured(all_tls, "users", client) as first:
        assert RawHTTP(first).send(request("GET", "/version")).answer().status == 200
        session = first.session
    assert session.has_ticket
    ledger = Ledger(all_tls)
    assert refusal(all_tls, "mqtts", client, session) == 116
    ledger.expect(in_handshake("mqtt-adapter", "no_certificate"))


# --- handshakes ------------------------------------------------------------------------------------------------------


def _rest(connection: socket.socket) -> bytes:
    """What the server still says before it ends the connection; raises TimeoutError if it doesn't."""
    said = b""
    try:
        while data := connection.recv(4096):
            said += data
    except ConnectionResetError:
        pass
    return said


@pytest.fixture(scope="module")
def innocent(all_tls, pki):
    thing = Account(all_tls).thing()
    with RawMQTT(secured(all_tls, "mqtts", context(pki.ca, pki.signed(thing.key)))) as raw:
        yield raw.connect(f"u{next(numbers)}")


class TestWhatIsNoHandshake:
    @pytest.fixture
    def unharmed(self, all_tls, innocent):
        """Somebody else's session notices nothing."""
        yield
        assert innocent.is_alive()
        all_tls.check()

    @pytest.mark.parametrize("listener", LABELS)
    @pytest.mark.parametrize("what", ["HTTP", "MQTT", "noise"])
    def test_plain_bytes_are_refused(self, all_tls, unharmed, listener, what):
        data = {
            "HTTP": request("GET", "/version"),
            "MQTT": mqtt.connect("plain", "u", "p"),
            "noise": bytes(range(256)),
        }[what]
        ledger = Ledger(all_tls)
        with all_tls.connect(listener) as plain:
            plain.sendall(data)
            said = _rest(plain)
        assert b"HTTP/1.1" not in said and len(said) < 16, "an alert at most"
        ledger.expect(in_handshake(LABELS[listener], "handshake"))

    def test_one_that_stalls_is_ended(self, all_tls, pki, unharmed):
        ledger = Ledger(all_tls)
        started = time.monotonic()
        silent = {each: all_tls.connect(each) for each in LABELS}
        for each in silent.values():
            each.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")  # A hello that goes on, but doesn't.
        for each in silent.values():
            with each:
                assert _rest(each) == b""
        assert TIMEOUT <= time.monotonic() - started < TIMEOUT + 1.5
        ledger.expect(*(in_handshake(label, "timeout") for label in LABELS.values()))

    def test_one_that_says_nothing_is_ended(self, all_tls, unharmed):
        ledger = Ledger(all_tls)
        silent = [all_tls.connect(each) for each in LABELS]
        for each in silent:
            with each:
                assert _rest(each) == b""
        ledger.expect(*(in_handshake(label, "timeout") for label in LABELS.values()))

    def test_it_is_counted_once_whatever_the_deadlines_behind_it(self, start_server, pki):
        adapters = pki.variables("MF_HTTP_ADAPTER", "MF_WS_ADAPTER", "MF_MQTT_ADAPTER")
        deadlines = ("MF_TLS_HANDSHAKE_TIMEOUT", "MF_HTTP_ADAPTER_REQUEST_TIMEOUT", "MF_MQTT_ADAPTER_CONNECT_TIMEOUT")
        server = start_server(ca=pki.ca, **adapters, **dict.fromkeys(deadlines, "1s"))
        listeners = [each for each in LABELS if each in ("http", "ws", "mqtts", "mqttws")]
        ledger = Ledger(server)
        for each in [server.connect(each) for each in listeners]:
            with each:
                assert _rest(each) == b""
        ledger.expect(*(in_handshake(LABELS[each], "timeout") for each in listeners))
        time.sleep(0.6)  # The deadlines behind TLS are looked at twice a second.
        ledger.expect()

    def test_one_that_is_cut_off_is_counted(self, all_tls, unharmed):
        for listener, label in LABELS.items():
            ledger = Ledger(all_tls)
            with all_tls.connect(listener) as plain:
                plain.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
            ledger.expect(in_handshake(label, "aborted"))

    @pytest.mark.parametrize(
        "version, reason",
        # In TLS 1.3 OpenSSL sends this alert in clear where an encrypted record is due, which no server takes for one.
        [(TLS12, "client_alert"), (TLS13, "handshake")],
        ids=VERSIONS,
    )
    def test_a_client_that_does_not_trust_us_is_counted(self, all_tls, pki, unharmed, version, reason):
        distrustful = context(pki.self_signed("Another CA").certificate, None, version)
        for listener, label in LABELS.items():
            ledger = Ledger(all_tls)
            with pytest.raises(ssl.SSLCertVerificationError):
                secured(all_tls, listener, distrustful)
            ledger.expect(in_handshake(label, reason))

    def test_an_old_version_is_told_so(self, start_server, pki):
        server = start_server(
            ca=pki.ca,
            **pki.variables("MF_USERS", "MF_THINGS", "MF_FLUXGATE_OPS", "MF_HTTP_ADAPTER", "MF_WS_ADAPTER"),
            **pki.variables("MF_MQTT_ADAPTER"),
            MF_TLS_MIN_VERSION="1.3",
        )
        for listener, label in LABELS.items():
            ledger = Ledger(server)
            assert refusal(server, listener, context(pki.ca, None, TLS12)) == 70
            ledger.expect(in_handshake(label, "handshake"))
            with secured(server, listener, context(pki.ca, None, TLS13)) as connection:
                assert connection.version() == "TLSv1.3"

    @pytest.mark.parametrize("kind", ["ECDSA", "RSA"])
    def test_tls_1_2_has_one_suite_for_each_kind_of_key(self, start_server, tmp_path, kind):
        made = PKI(tmp_path)
        if kind == "RSA":
            made.take_rsa()
        server = start_server(ca=made.ca, **made.variables("MF_HTTP_ADAPTER"))
        with secured(server, "http", context(made.ca, None, TLS12)) as connection:
            assert connection.cipher()[0] == f"ECDHE-{kind}-AES128-GCM-SHA256"
        others = ssl.create_default_context(cafile=str(made.ca))
        others.maximum_version = TLS12
        others.set_ciphers("ECDHE+AES256:ECDHE+CHACHA20:AES128-GCM-SHA256")
        ledger = Ledger(server)
        assert refusal(server, "http", others) == 40
        ledger.expect(in_handshake("http-adapter", "handshake"))


# --- what goes through -----------------------------------------------------------------------------------------------


def test_everything_works_where_everything_is_on_tls(all_tls, pki):
    """By key where no certificate is asked for, by certificate where one is."""
    assert all(all_tls.speaks_tls(listener) for listener in all_tls.opened())
    channel, thing, other = Account(all_tls).pair()
    trusted = context(pki.ca)
    address = f"wss://127.0.0.1:{all_tls.ports['ws']}/channels/{channel}/messages"
    with (
        RawMQTT(secured(all_tls, "mqtts", context(pki.ca, pki.thing(other.key)))) as raw,
        ws_connect(address, additional_headers={"Authorization": other.key}, ssl=trusted, compression=None) as socket,
    ):
        assert raw.connect("listener").subscribe(topic(channel)) == [0]
        for payload in (b"small", b"\xff" * 200_000):
            assert publish_http(all_tls, channel, thing.key, payload) == 202
            assert raw.message()[1] == socket.recv(5, decode=False) == payload
    assert publish_http(all_tls, channel, "no such key", b"") == 403
    answer = requests.post(
        all_tls.url("auth", "/identify"), json={"token": thing.key}, verify=all_tls.verify, timeout=5
    )
    assert answer.json() == {"id": thing.id}


@pytest.mark.parametrize("listener", [each for each in LABELS if each not in ("mqtts", "mqttws")])
class TestHTTP:
    """The same on the adapters and on the REST services, which are made of different parts."""

    def test_a_request_may_come_byte_by_byte(self, all_tls, pki, listener):
        with RawHTTP(secured(all_tls, listener, context(pki.ca))) as http:
            for byte in request("GET", "/nothing"):
                http.send(bytes([byte]))
            assert http.answer().status == 404

    @pytest.mark.parametrize("bad", ["two lengths", "no HTTP at all", "a head without end"])
    def test_a_bad_request_is_refused_and_harms_nobody(self, all_tls, pki, innocent, listener, bad):
        data = {
            "two lengths": request("POST", "/", "Content-Length: 1", "Content-Length: 2", body=b"a"),
            "no HTTP at all": bytes(range(256)),
            "a head without end": b"GET / HTTP/1.1\r\nHost: a\r\n" + b"A: b\r\n" * 50_000,
        }[bad]
        with RawHTTP(secured(all_tls, listener, context(pki.ca))) as http:
            assert http.send(data).answer().status in (400, 431)
            assert http.is_closed()
        assert innocent.is_alive()
        all_tls.check()


def test_what_was_posted_before_a_ragged_end_is_published(mutual, pki, pair, heard):
    with secured(mutual, "http", context(pki.ca, pki.signed(pair[1].key))) as connection:
        connection.sendall(request("POST", f"/channels/{pair[0]}/messages", body=b"last words"))
        connection.shutdown(socket.SHUT_WR)  # Of TCP; TLS says nothing.
        assert heard.message()[1] == b"last words"


def test_nothing_plain_is_open_beside_it(all_tls):
    with pytest.raises(ConnectionRefusedError):
        all_tls.connect("mqtt")


def test_other_peoples_clients_get_in_by_certificate_alone(mutual, pki, pair, heard, closing):
    certificate = pki.thing(pair[1].key)
    files = (str(certificate.certificate), str(certificate.key))
    path = f"/channels/{pair[0]}/messages"

    answer = requests.post(mutual.url("http", path), data=b"requests", cert=files, verify=mutual.verify, timeout=5)
    assert answer.status_code == 202
    assert heard.message()[1] == b"requests"
    address = f"wss://127.0.0.1:{mutual.ports['ws']}{path}"
    with ws_connect(address, ssl=context(pki.ca, certificate), compression=None) as socket:
        socket.send(b"websockets")
        assert heard.message()[1] == b"websockets"
    for transport in ("tcp", "websockets"):
        client = closing(PahoClient(mutual, None, transport=transport, tls=context(pki.ca, certificate)))
        client.publish(topic(pair[0]), transport.encode(), 1)
        assert heard.message()[1] == transport.encode()


@BY_VERSION
class TestTheEnd:
    @pytest.fixture
    def raw(self, mutual, pki, pair, version):
        connection = secured(mutual, "mqtts", context(pki.ca, pki.signed(pair[1].key), version))
        return RawMQTT(connection).connect(f"r{next(numbers)}", will=(topic(pair[0]), b"will"))

    def test_what_was_sent_before_a_ragged_end_is_published(self, raw, pair, heard):
        """The client closes TCP without a close_notify, as many small ones do."""
        for number in range(20):
            raw.send(mqtt.publish(topic(pair[0]), b"%d" % number))
        raw.socket.close()
        assert [heard.message()[1] for _ in range(21)] == [*(b"%d" % number for number in range(20)), b"will"]

    def test_what_was_sent_before_a_close_notify_is_published(self, raw, pair, heard):
        for number in range(20):
            raw.send(mqtt.publish(topic(pair[0]), b"%d" % number))
        raw.socket.unwrap().close()
        assert [heard.message()[1] for _ in range(21)] == [*(b"%d" % number for number in range(20)), b"will"]

    def test_what_was_sent_before_a_disconnect_is_published_and_the_will_is_not(self, mutual, raw, pair, heard):
        ledger = Ledger(mutual)
        word = uuid.uuid4().bytes
        raw.send(mqtt.publish(topic(pair[0]), word) + mqtt.packet(mqtt.DISCONNECT)).socket.close()
        assert heard.message()[1] == word
        assert heard.is_alive()
        ledger.expect()

    def test_a_broken_record_ends_the_connection(self, mutual, raw, heard):
        ledger = Ledger(mutual)
        plain = socket.socket(fileno=raw.socket.detach())
        with plain:
            plain.settimeout(5)
            plain.sendall(b"\x17\x03\x03\x00\x20" + bytes(32))
            _rest(plain)
        ledger.expect(in_handshake("mqtt-adapter", "record"))
        assert heard.message()[1] == b"will"
