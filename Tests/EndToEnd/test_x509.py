"""Things known by their certificates: every cell of the table, over TLS 1.2 and 1.3."""

import time
import uuid

import pytest

from support import raw_mqtt as mqtt
from support.ledger import Ledger, in_handshake, in_protocol
from support.listeners import topic
from support.mqtt_over_ws import FramedSocket
from support.raw_http import RawHTTP, request
from support.raw_mqtt import RawMQTT
from support.tls import VERSIONS, refusal, secured
from support.x509 import Things, over_http
from tables.x509 import ALERTS, ANSWERS, HTTP, LISTENERS, MQTT, OVER_WS, WS

pytestmark = pytest.mark.parametrize("version", VERSIONS.values(), ids=VERSIONS.keys())


class World(Things):
    """Every refusal in it is counted once, and nothing besides."""

    def __init__(self, server, pki):
        super().__init__(server, pki)
        self.ledger = Ledger(server)


@pytest.fixture(scope="module")
def world(mutual, pki):
    made = World(mutual, pki)
    yield made
    made.hearing.close()


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
def test_the_answer_is_as_tabled(world, case, version):
    code, heard, payload = world.show(case, version)

    protocol = {HTTP: "http", WS: "ws"}.get(case.protocol, "mqtt")
    world.ledger.expect(*([in_protocol(protocol, case.reason)] if case.reason else []))
    assert code == case.code
    assert heard == ([payload] if payload else [])


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
        ("http", "key_mismatch", in_protocol, lambda: over_http(mutual, good, world.channel, b"", {"header": "no"})),
    ):
        length, deadline = len(mutual.log()), time.monotonic() + 5
        while not any("client refused" in line and reason in line for line in mutual.log()[length:].splitlines()):
            assert time.monotonic() < deadline, mutual.log()[length:]
            attempt()
            world.ledger.expect(counted(listener, reason))

    assert [name for name in pki.names if name in mutual.log()] == []
