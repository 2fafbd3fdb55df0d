"""Things known by their certificates: every cell of the table, over TLS 1.2 and 1.3."""

import functools
import string
import time
import uuid

import pytest

from support import raw_mqtt as mqtt
from support.api import Account
from support.exchange import judge_error
from support.ledger import Ledger, in_handshake, in_protocol
from support.listeners import topic
from support.mqtt_over_ws import FramedSocket
from support.pki import PRINTABLE, SERVER, days
from support.raw_http import RawHTTP, request
from support.raw_mqtt import RawMQTT
from support.raw_ws import BINARY, RawWS, frame
from support.tls import VERSIONS, context, refusal, secured
from tables.x509 import ALERTS, ANSWERS, HTTP, LISTENERS, MQTT, OVER_WS, WS

SIGNS = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"

pytestmark = pytest.mark.parametrize("version", VERSIONS.values(), ids=VERSIONS.keys())


class World:
    """The things of the table, their certificates, and a listener of their channel."""

    def __init__(self, server, pki):
        self.server, self.pki = server, pki
        self.account, other = Account(server), Account(server)
        self.channel, self.thing, listener = self.account.pair()
        self.other_channel, self.other, _ = other.pair()
        self.names = {
            "id": self.thing.id,
            "key": self.thing.key,
            "upper_key": self.thing.key.upper(),
            "escaped_key": "".join(f"%{byte:02X}" for byte in self.thing.key.encode()),
            "other_id": self.other.id,
            "other_key": self.other.key,
        }
        self.listener = RawMQTT(secured(server, "mqtts", self.client(pki.thing(listener.key)))).connect("listener")
        assert self.listener.subscribe(topic(self.channel, "#")) == [0]
        self.sentinels = RawHTTP(secured(server, "http", self.client(pki.signed(listener.key))))
        self.ledger = Ledger(server)

    def client(self, pair, version=None):
        return context(self.pki.ca, pair, version)

    def connected(self, key: str):
        thing = self.account.thing(key=key)
        self.account.connect(self.channel, thing)
        return thing

    def removed(self) -> str:
        thing = self.account.thing()
        self.account.connect(self.channel, thing)
        self.account.remove_thing(thing)
        return thing.key

    def former(self) -> str:
        thing = self.account.thing()
        self.account.connect(self.channel, thing)
        self.account.change_key(thing, uuid.uuid4().hex)
        return thing.key

    @functools.cache
    def certificate(self, name: str):
        """What the table calls by this name."""
        pki, key, other = self.pki, self.thing.key, self.other.key
        return {
            "good": lambda: pki.thing(key),
            "good, RSA": lambda: pki.thing(key, "KEY_TYPE=rsa"),
            "good, the CN a PrintableString": lambda: pki.signed(key, kind=PRINTABLE),
            "good, without extended key usage": lambda: pki.signed(key, purpose=None),
            "good, signed by an intermediate CA": lambda: pki.signed(key, by=pki.intermediate()),
            "good, the CN with comma and equals": lambda: pki.thing(self.connected("a=b,CN=c+d=e,").key),
            "good, the CN with every sign": lambda: pki.thing(self.connected(SIGNS).key),
            "good, the CN of 64 characters": lambda: pki.thing(self.connected("k" * 64).key),
            "other thing": lambda: pki.thing(other),
            "CN of nobody": lambda: pki.signed(str(uuid.uuid4())),
            "CN of a removed thing": lambda: pki.signed(self.removed()),
            "CN that was the key before": lambda: pki.signed(self.former()),
            "CN in capitals": lambda: pki.signed(key.upper()),
            "CN with more behind a comma": lambda: pki.signed(f"{key},x"),
            "CN with a blank behind": lambda: pki.signed(f"{key} "),
            "CN with U+0000 behind": lambda: pki.signed(f"{key}\0.example"),
            "CN too short for a key": lambda: pki.signed("seven77"),
            "empty CN": lambda: pki.signed(""),
            "no CN": lambda: pki.signed(),
            "two CNs": lambda: pki.signed(key, other),
            "the same CN twice": lambda: pki.signed(key, key),
            "two CNs in one relative name": lambda: pki.signed(key, other, together=True),
            "no certificate": lambda: None,
            "foreign CA": lambda: pki.signed(key, by=pki.stranger("Foreign CA")),
            "foreign CA of the same name": lambda: pki.signed(key, by=pki.stranger()),
            "self-signed": lambda: pki.self_signed(key),
            "signed by a thing": lambda: pki.signed(key, by=pki.signer(pki.signed(other))),
            "signed by an intermediate CA that isn't sent": lambda: pki.signed(key, by=pki.intermediate(sent=False)),
            "expired": lambda: pki.signed(key, begin=days(-2), end=days(-1)),
            "not yet valid": lambda: pki.signed(key, begin=days(1), end=days(2)),
            "for servers": lambda: pki.signed(key, purpose=SERVER),
        }[name]()

    def heard(self) -> list[bytes]:
        """What the listener has heard until now."""
        end = uuid.uuid4().bytes
        answer = self.sentinels.send(request("POST", f"/channels/{self.channel}/messages", body=end)).answer()
        assert answer.status == 202
        heard = []
        while (payload := self.listener.message()[1]) != end:
            heard.append(payload)
        return heard


@pytest.fixture(scope="module")
def world(mutual, pki):
    made = World(mutual, pki)
    yield made
    made.listener.socket.close()
    made.sentinels.socket.close()


# --- in the handshake ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("listener", LISTENERS)
@pytest.mark.parametrize("case", ALERTS, ids=str)
def test_the_handshake_ends_with_the_tabled_alert(world, mutual, case, listener, version):
    client = world.client(world.certificate(case.name), version)

    assert refusal(mutual, listener, client) == case.number[_name(version)]
    world.ledger.expect(in_handshake(LISTENERS[listener], case.reason))


def _name(version) -> str:
    return next(name for name, value in VERSIONS.items() if value == version)


# --- in the protocol -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", ANSWERS, ids=str)
def test_the_answer_is_as_tabled(world, mutual, case, version):
    client = world.client(world.certificate(case.certificate), version)
    shown = {where: string.Template(value).substitute(world.names) for where, value in case.shown.items()}
    payload = uuid.uuid4().bytes
    channel = world.other_channel if _is_good_for_the_other(case) else world.channel

    code = CLIENTS[case.protocol](mutual, client, channel, payload, shown)

    heard, protocol = world.heard(), {HTTP: "http", WS: "ws"}.get(case.protocol, "mqtt")
    world.ledger.expect(*([in_protocol(protocol, case.reason)] if case.reason else []))
    assert code == case.code
    assert heard == ([payload] if case.reason is None and channel == world.channel else [])


def _is_good_for_the_other(case) -> bool:
    return case.certificate == "other thing" and case.reason is None


def _headers(shown: dict[str, str]) -> list[str]:
    return [f"Authorization: {shown['header']}"] if "header" in shown else []


def _query(shown: dict[str, str]) -> str:
    return f"?authorization={shown['query']}" if "query" in shown else ""


def _over_http(server, client, channel, payload, shown) -> int:
    with RawHTTP(secured(server, "http", client)) as http:
        answer = http.send(request("POST", f"/channels/{channel}/messages", *_headers(shown), body=payload)).answer()
    if answer.status >= 400:
        judge_error(answer.status, answer)
    return answer.status


def _over_ws(server, client, channel, payload, shown) -> int:
    target = f"/channels/{channel}/messages{_query(shown)}"
    socket = RawWS(secured(server, "ws", client), target, *_headers(shown))
    try:
        if socket.answer.status == 101:
            socket.send(frame(BINARY, payload) + frame(8, b"\x03\xe8")).close_code()
        return socket.answer.status
    finally:
        socket.socket.close()


def _over_mqtt(number: int, is_framed: bool, server, client, channel, payload, shown) -> int:
    if is_framed:
        framed = FramedSocket(secured(server, "mqttws", client), *_headers(shown), target=f"/mqtt{_query(shown)}")
        if framed.answer.status != 101:
            framed.close()
            return framed.answer.status
    with RawMQTT(framed if is_framed else secured(server, "mqtts", client), number) as raw:
        raw.send(mqtt.connect(uuid.uuid4().hex[:20], shown.get("user"), shown.get("password"), number))
        answer = raw.packet()
        assert answer.kind == mqtt.CONNACK
        if answer.body[1] == 0:
            assert raw.send(mqtt.publish(topic(channel), payload, 1, version=number)).packet().kind == mqtt.PUBACK
        else:
            assert raw.packets_until_closed() == []
        return answer.body[1]


CLIENTS = {
    HTTP: _over_http,
    WS: _over_ws,
    **{name: functools.partial(_over_mqtt, 5 if "5" in name else 4, name in OVER_WS) for name in MQTT},
}


class TestAnotherThing:
    """Its certificate is good, and so it is let in; but it has no right to the channel."""

    @pytest.fixture(params=MQTT)
    def raw(self, request, world, mutual, version, closing):
        number, client = 5 if "5" in request.param else 4, world.client(world.certificate("other thing"), version)
        if request.param in OVER_WS:
            connection = FramedSocket(secured(mutual, "mqttws", client))
        else:
            connection = secured(mutual, "mqtts", client)
        return RawMQTT(closing(connection), number).connect(uuid.uuid4().hex[:20])

    def test_cannot_publish(self, world, raw):
        raw.send(mqtt.publish(topic(world.channel), b"not mine", 1, version=raw.version))
        if raw.version == 5:
            answer = raw.packet()
            assert (answer.kind, answer.body[2]) == (mqtt.PUBACK, 0x87)
            assert raw.is_alive()
        else:
            assert raw.packets_until_closed() == []
        assert world.heard() == []
        world.ledger.expect(in_protocol("mqtt", "not_authorized"))

    def test_cannot_listen(self, world, raw):
        wanted = (topic(world.channel), topic(world.other_channel))
        assert raw.subscribe(*wanted) == [0x87 if raw.version == 5 else 0x80, 0]
        assert world.heard() == []
        world.ledger.expect(in_protocol("mqtt", "not_authorized"))


# --- both ------------------------------------------------------------------------------------------------------------


def test_what_a_refused_client_sends_with_its_handshake_goes_nowhere(world, mutual, version):
    """In TLS 1.3 a client can send before the server has seen its certificate."""
    for case in ALERTS:
        message = request("POST", f"/channels/{world.channel}/messages", body=b"too early")
        try:
            with RawHTTP(secured(mutual, "http", world.client(world.certificate(case.name), version))) as http:
                status = http.send(message).answer().status
        except OSError:  # An alert, or the reset that may overtake it.
            status = None
        assert status is None
        assert world.heard() == []
        world.ledger.expect(in_handshake("http-adapter", case.reason))


def test_each_request_of_a_connection_is_judged(world, mutual, version):
    target = f"/channels/{world.channel}/messages"
    with RawHTTP(secured(mutual, "http", world.client(world.certificate("good"), version))) as http:
        for key, status in (("key", 202), ("other_key", 403), ("key", 202), ("upper_key", 403)):
            header = f"Authorization: {world.names[key]}"
            assert http.send(request("POST", target, header, body=key.encode())).answer().status == status
        assert http.send(request("POST", target, body=b"alone")).answer().status == 202
    assert world.heard() == [b"key", b"key", b"alone"]
    world.ledger.expect(in_protocol("http", "key_mismatch"), times=2)


def test_the_log_says_why_a_client_was_refused_and_not_who(world, mutual, pki, version):
    """Some lines a second, not one for each: so it is tried again until there is one."""
    good = world.client(world.certificate("good"), version)
    for listener, reason, counted, attempt in (
        ("mqtt-adapter", "no_certificate", in_handshake, lambda: refusal(mutual, "mqtts", world.client(None, version))),
        ("http", "key_mismatch", in_protocol, lambda: _over_http(mutual, good, world.channel, b"", {"header": "no"})),
    ):
        length, deadline = len(mutual.log()), time.monotonic() + 5
        while not any("client refused" in line and reason in line for line in mutual.log()[length:].splitlines()):
            assert time.monotonic() < deadline, mutual.log()[length:]
            attempt()
            world.ledger.expect(counted(listener, reason))

    assert [name for name in pki.names if name in mutual.log()] == []
