"""Certificates that proxies pass on: every cell of the table, and things that share a proxy's connection."""

import base64
import functools
import string
import urllib.parse
import uuid

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from support import raw_mqtt as mqtt
from support.api import Account
from support.exchange import judge_error
from support.hearing import Hearing
from support.ledger import Ledger, in_handshake, in_protocol
from support.listeners import topic
from support.mqtt_over_ws import FramedSocket
from support.pki import SERVER, Pair, days
from support.raw_http import RawHTTP, request
from support.raw_mqtt import RawMQTT
from support.raw_ws import BINARY, RawWS, frame
from support.server import Server
from support.tls import VERSIONS, context, refusal, secured
from tables.proxies import CASES, HTTP, LABELS, LISTENERS, MQTT5, PROTOCOLS, SHUT_OUT, WS

ADAPTERS = ("MF_HTTP_ADAPTER", "MF_WS_ADAPTER", "MF_MQTT_ADAPTER")
# A good key, so that a thing may have it.
PROXY = "edge1.example.com"
SIGNS = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"


@pytest.fixture(scope="module")
def proxied(program, pki, tmp_path_factory):
    variables = pki.variables(*ADAPTERS, clients=True)
    for prefix in ADAPTERS:
        variables |= pki.proxy_variables(prefix, "edge2.example.com", PROXY)
    running = Server(tmp_path_factory.mktemp("proxied"), ca=pki.ca, **variables).start()
    yield running
    running.check()
    assert running.stop() == 0, running.log()[-4000:]
    assert [name for name in pki.names if name in running.log()] == []


class World:
    """The things of the table, and the certificates of peers and of those whom they pass on."""

    def __init__(self, server, pki):
        self.server, self.pki = server, pki
        self.account = Account(server)
        self.channel, self.thing, listener = self.account.pair()
        self.proxy = pki.signed(PROXY, by=pki.proxies)
        self.hearing = Hearing(server, pki, self.channel, listener)
        self.ledger = Ledger(server)

    def connected(self, key: str) -> str:
        thing = self.account.thing(key=key)
        self.account.connect(self.channel, thing)
        return key

    def client(self, pair: Pair | None, version=None):
        return context(self.pki.ca, pair, version)

    @functools.cache
    def peer(self, name: str) -> Pair | None:
        pki, proxies = self.pki, self.pki.proxies
        by_proxies = functools.partial(pki.signed, by=proxies)
        return {
            "proxy": lambda: self.proxy,
            "thing": lambda: pki.thing(self.thing.key),
            "thing named like a proxy": lambda: pki.signed(self.connected(PROXY)),
            "proxy that isn't listed": lambda: by_proxies("edge3.example.com"),
            "proxy named like a thing's key": lambda: by_proxies(self.thing.key),
            "proxy without a name": by_proxies,
            "proxy with two names": lambda: by_proxies(PROXY, PROXY),
            "proxy by a foreign CA": lambda: pki.signed(PROXY, by=pki.stranger("Foreign CA")),
            "proxy by a foreign CA of the same name": lambda: pki.signed(PROXY, by=pki.stranger("Proxies' CA")),
            "proxy, self-signed": lambda: pki.self_signed(PROXY),
            "proxy that has expired": lambda: by_proxies(PROXY, begin=days(-2), end=days(-1)),
            "proxy that isn't valid yet": lambda: by_proxies(PROXY, begin=days(1), end=days(2)),
            "proxy for servers": lambda: by_proxies(PROXY, purpose=SERVER),
            "proxy by an intermediate CA": lambda: pki.signed(PROXY, by=pki.intermediate(by=proxies)),
            "signed by a proxy": lambda: pki.signed(self.thing.key, by=pki.signer(self.proxy)),
            "signed by a thing": lambda: pki.signed(PROXY, by=pki.signer(self.peer("thing"))),
            "nobody": lambda: None,
        }[name]()

    def passed(self, name: str, peer: str) -> bytes:
        """The certificate of this name in DER form."""
        if name == "the peer's own":
            return _der(self.peer(peer).certificate)
        return self._passed(name)

    @functools.cache
    def _passed(self, name: str) -> bytes:
        pki, key = self.pki, self.thing.key
        good = _der(pki.signed(key).certificate)
        made = {
            "good": lambda: good,
            "good, RSA": lambda: pki.thing(key, "KEY_TYPE=rsa"),
            "good, without extended key usage": lambda: pki.signed(key, purpose=None),
            "good, the CN with every sign": lambda: pki.signed(self.connected(SIGNS)),
            "CN of nobody": lambda: pki.signed(str(uuid.uuid4())),
            "CN in capitals": lambda: pki.signed(key.upper()),
            "CN too short for a key": lambda: pki.signed("seven77"),
            "no CN": pki.signed,
            "two CNs": lambda: pki.signed(key, key),
            "expired": lambda: pki.signed(key, begin=days(-2), end=days(-1)),
            "not yet valid": lambda: pki.signed(key, begin=days(1), end=days(2)),
            "for servers": lambda: pki.signed(key, purpose=SERVER),
            "foreign CA": lambda: pki.signed(key, by=pki.stranger("Foreign CA")),
            "foreign CA of the same name": lambda: pki.signed(key, by=pki.stranger()),
            "self-signed": lambda: pki.self_signed(key),
            "signed by a thing": lambda: pki.signed(key, by=pki.signer(self.peer("thing"))),
            "signed by an intermediate CA": lambda: pki.signed(key, by=pki.intermediate()),
            "signed by the CA of proxies": lambda: pki.signed(key, by=pki.proxies),
            "the proxy's own": lambda: self.proxy,
            "the CA's own": lambda: _der(pki.ca),
            "one byte changed": lambda: good.replace(key.encode(), key.encode()[::-1]),
            "cut off": lambda: good[:-1],
            "bytes behind it": lambda: good + b"\0",
            "no certificate": lambda: b"\x30\0",
        }[name]()
        return made if isinstance(made, bytes) else _der(made.certificate)


def _der(path) -> bytes:
    """The first certificate of a PEM file."""
    return x509.load_pem_x509_certificates(path.read_bytes())[0].public_bytes(Encoding.DER)


def _pem(der: bytes) -> str:
    text = base64.b64encode(der).decode()
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    return "\n".join(["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""])


def _spelled(headers: tuple[str, ...], der: bytes) -> list[str]:
    values = {
        "rfc": f":{base64.b64encode(der).decode()}:",
        "nginx": urllib.parse.quote(_pem(der), safe=""),
        "pem_with_blanks": _pem(der).replace("+", "%2B").replace("\n", "%0A"),
    }
    return [string.Template(each).substitute(values) for each in headers]


@pytest.fixture(scope="module")
def world(proxied, pki):
    made = World(proxied, pki)
    yield made
    made.hearing.close()


# --- who may come in -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS.values(), ids=VERSIONS.keys())
@pytest.mark.parametrize(
    "listener, label", [("http", "http-adapter"), ("ws", "ws-adapter"), ("mqttws", "mqtt-adapter-ws")]
)
@pytest.mark.parametrize("case", SHUT_OUT, ids=str)
def test_who_is_neither_thing_nor_trusted_proxy_is_shut_out(world, proxied, case, listener, label, version):
    refusal(proxied, listener, world.client(world.peer(case.name), version))
    world.ledger.expect(in_handshake(label, case.reason))


@pytest.mark.parametrize("version", VERSIONS.values(), ids=VERSIONS.keys())
def test_mqtt_over_tcp_takes_no_proxies(world, proxied, version):
    assert refusal(proxied, "mqtts", world.client(world.proxy, version)) == 48
    world.ledger.expect(in_handshake("mqtt-adapter", "untrusted_certificate"))


def test_mqtt_over_tcp_resumes_no_session_of_a_proxy(world, proxied):
    client = context.__wrapped__(world.pki.ca, world.proxy, VERSIONS["TLS 1.2"])
    with secured(proxied, "mqttws", client) as connection:
        session = connection.session
    with secured(proxied, "mqttws", client, session) as connection:
        assert connection.session_reused
    assert refusal(proxied, "mqtts", client, session) == 48
    world.ledger.expect(in_handshake("mqtt-adapter", "untrusted_certificate"))


def test_a_resumed_session_is_who_it_was(world, proxied):
    """Its certificate comes from the session; whose it is is judged again."""
    for name, statuses in (("proxy", (403, 202)), ("thing named like a proxy", (202, 400))):
        client = context.__wrapped__(world.pki.ca, world.peer(name), VERSIONS["TLS 1.3"])
        headers = _spelled(("Client-Cert: $rfc",), world.passed("good", "proxy"))
        session = None
        for is_resumed in (False, True, True):
            with RawHTTP(secured(proxied, "http", client, session)) as http:
                assert _publish(http, world.channel, b"", *headers) == statuses[1]
                assert _publish(http, world.channel, b"") == statuses[0]
                assert http.socket.session_reused == is_resumed
                session = http.socket.session
        assert world.hearing.heard() == [b""] * 3
        reason = "no_certificate" if name == "proxy" else "unexpected_certificate_header"
        world.ledger.expect(in_protocol("http", reason), times=3)


def test_an_unlisted_proxy_is_shut_out_behind_every_handshake(world, proxied):
    """No ticket lets it in: it never gets that far."""
    client = context.__wrapped__(world.pki.ca, world.peer("proxy that isn't listed"), VERSIONS["TLS 1.2"])
    for _ in range(3):
        assert refusal(proxied, "http", client) is None
    world.ledger.expect(in_handshake("http-adapter", "unlisted_proxy"), times=3)


# --- what is passed on -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_answer_is_as_tabled(world, proxied, case, protocol):
    client, payload = world.client(world.peer(case.peer)), uuid.uuid4().bytes
    headers = _spelled(case.headers, world.passed(case.certificate, case.peer))

    code = CLIENTS[protocol](proxied, client, LISTENERS[protocol], world.channel, payload, headers)

    heard = world.hearing.heard()
    world.ledger.expect(*([in_protocol(LABELS[protocol], case.reason)] if case.reason else []))
    assert code == case.codes[protocol]
    assert heard == ([payload] if case.reason is None else [])


def _publish(http: RawHTTP, channel: str, payload: bytes, *headers: str) -> int:
    answer = http.send(request("POST", f"/channels/{channel}/messages", *headers, body=payload)).answer()
    if answer.status >= 400:
        judge_error(answer.status, answer)
    return answer.status


def _over_http(server, client, listener, channel, payload, headers) -> int:
    with RawHTTP(secured(server, listener, client)) as http:
        return _publish(http, channel, payload, *headers)


def _over_ws(server, client, listener, channel, payload, headers) -> int:
    socket = RawWS(secured(server, listener, client), f"/channels/{channel}/messages", *headers)
    try:
        if socket.answer.status == 101:
            socket.send(frame(BINARY, payload) + frame(8, b"\x03\xe8")).close_code()
        return socket.answer.status
    finally:
        socket.socket.close()


def _over_mqtt(number, server, client, listener, channel, payload, headers) -> int:
    framed = FramedSocket(secured(server, listener, client), *headers)
    if framed.answer.status != 101:
        framed.close()
        return framed.answer.status
    with RawMQTT(framed, number) as raw:
        answer = raw.send(mqtt.connect(uuid.uuid4().hex[:20], version=number)).packet()
        if answer.body[1] == 0:
            assert raw.send(mqtt.publish(topic(channel), payload, 1, version=number)).packet().kind == mqtt.PUBACK
        else:
            assert raw.packets_until_closed() == []
        return answer.body[1]


CLIENTS = {
    HTTP: _over_http,
    WS: _over_ws,
    **{name: functools.partial(_over_mqtt, 5 if name == MQTT5 else 4) for name in PROTOCOLS[2:]},
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_another_things_key_beside_it_is_refused(world, proxied, protocol):
    other = world.account.thing()
    headers = [*_spelled(("X-Client-Cert: $nginx",), world.passed("good", "proxy")), f"Authorization: {other.key}"]

    code = CLIENTS[protocol](
        proxied, world.client(world.proxy), LISTENERS[protocol], world.channel, b"not mine", headers
    )

    assert code == 403 and world.hearing.heard() == []
    world.ledger.expect(in_protocol(LABELS[protocol], "key_mismatch"))


def test_a_plain_listener_takes_no_certificates_from_headers(start_server, pki):
    server = start_server()
    account = Account(server)
    channel, thing, _ = account.pair()
    ledger = Ledger(server)
    for listener, label in (("http", "http"), ("ws", "ws"), ("mqttws", "mqtt")):
        for header in _spelled(("Client-Cert: $rfc", "X-Client-Cert: $nginx"), _der(pki.signed(thing.key).certificate)):
            for authorization in ([], [f"Authorization: {thing.key}"]):
                with RawHTTP(server.connect(listener)) as http:
                    assert _publish(http, channel, b"", header, *authorization) == 400
                ledger.expect(in_protocol(label, "unexpected_certificate_header"))


# --- a connection of many things -------------------------------------------------------------------------------------


class TestThingsThatShareAConnection:
    @pytest.fixture
    def http(self, world, proxied, closing):
        raw = RawHTTP(secured(proxied, "http", world.client(world.proxy)))
        closing(raw.socket)
        return raw

    @pytest.fixture
    def second(self, world):
        thing = world.account.thing()
        world.account.connect(world.channel, thing)
        return thing

    def _header(self, world, thing) -> str:
        return _spelled(("X-Client-Cert: $nginx",), _der(world.pki.signed(thing.key).certificate))[0]

    def test_alternate_and_stay_apart(self, world, http, second):
        one, two = self._header(world, world.thing), self._header(world, second)
        stranger = self._header(world, world.account.thing())
        for turn in range(20):
            assert _publish(http, world.channel, b"1", one) == 202
            assert _publish(http, world.channel, b"2", two) == 202
            assert _publish(http, world.channel, b"3", stranger) == 403
            assert _publish(http, world.channel, b"4") == 403
            assert _publish(http, world.channel, b"5", two, f"Authorization: {world.thing.key}") == 403
            assert _publish(http, world.channel, b"6", one, f"Authorization: {world.thing.key}") == 202
        assert world.hearing.heard() == [b"1", b"2", b"6"] * 20
        names = (in_protocol("http", reason) for reason in ("not_authorized", "no_certificate", "key_mismatch"))
        world.ledger.expect(*names, times=20)

    def test_lose_their_rights_one_by_one(self, world, http, second):
        one, two = self._header(world, world.thing), self._header(world, second)
        assert [_publish(http, world.channel, b"before", each) for each in (one, two, one, two)] == [202] * 4
        world.account.disconnect(world.channel, second)
        assert [_publish(http, world.channel, b"after", each) for each in (one, two, one, two)] == [202, 403] * 2
        world.account.remove_thing(second)
        assert [_publish(http, world.channel, b"gone", each) for each in (two, one, two)] == [403, 202, 403]
        assert world.hearing.heard() == [b"before"] * 4 + [b"after"] * 2 + [b"gone"]
        # Twice each; one expectation, for they are counted together.
        world.ledger.expect(in_protocol("http", "not_authorized"), in_protocol("http", "unknown_key"), times=2)

    def test_pipeline_their_requests(self, world, http, second):
        headers = [self._header(world, world.thing), self._header(world, second)]
        target = f"/channels/{world.channel}/messages"
        requests = [request("POST", target, *headers[: turn % 3][-1:], body=b"%d" % turn) for turn in range(30)]
        http.send(b"".join(requests))
        assert [http.answer().status for _ in requests] == [403, 202, 202] * 10
        assert world.hearing.heard() == [b"%d" % turn for turn in range(30) if turn % 3]
        world.ledger.expect(in_protocol("http", "no_certificate"), times=10)
