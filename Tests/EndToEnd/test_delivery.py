"""Every way in to every way out: byte for byte, exactly once, in order."""

import contextlib
import uuid

import paho.mqtt.client as paho
import pytest

from support.listeners import MosquittoSubscriber, PahoClient, WebSocketClient, received_until, topic
from support.programs import ONE_PROGRAM, SEPARATE_PROGRAMS
from support.publishers import PUBLISHERS

PLATFORMS = [ONE_PROGRAM, SEPARATE_PROGRAMS]

SENML = (
    b'[{"bn":"some-base-name:","bt":1.276020076001e+09,"bu":"A","bver":5,"n":"voltage","u":"V","v":120.1},'
    b'{"n":"current","t":-5,"v":1.2},{"n":"current","t":-4,"v":1.3}]'
)
PAYLOADS = [
    SENML,
    bytes(range(256)),
    b"",
    b"\0",
    "漢字 \U0001f600".encode(),
    b"\r\n\r\n",
    SENML,
    b"x" * 100_000,
    b"y" * 200_000,
]
SUBSCRIBERS = {
    **{f"MQTT 3.1.1 QoS {qos}": dict(qos=qos) for qos in (0, 1, 2)},
    **{f"MQTT 5 QoS {qos}": dict(qos=qos, version=paho.MQTTv5) for qos in (0, 1, 2)},
    "MQTT over WebSocket": dict(qos=2, transport="websockets"),
}


class Audience:
    """One thing that listens in every way there is."""

    def __init__(self, server, alice):
        self.channel, self.sender, listener = alice.pair()
        base = topic(self.channel)
        self.members = {name: PahoClient(server, listener, base, **options) for name, options in SUBSCRIBERS.items()}
        self.members["WebSocket"] = WebSocketClient(server, self.channel, listener.key)
        self.members["mosquitto_sub"] = MosquittoSubscriber(server, listener, base, qos=1)

    def close(self):
        for each in self.members.values():
            each.close()


@pytest.fixture(scope="module")
def audience(server, alice):
    made = Audience(server, alice)
    yield made
    made.close()


@pytest.mark.parametrize("publisher", PUBLISHERS)
def test_what_is_published_arrives_everywhere_byte_for_byte_exactly_once(server, audience, publisher):
    sentinel = uuid.uuid4().bytes
    with contextlib.closing(PUBLISHERS[publisher](server, audience.channel, audience.sender)) as source:
        for payload in [*PAYLOADS, sentinel]:
            source.publish(payload)

        for name, member in audience.members.items():
            received = received_until(member, sentinel)
            assert [len(each) for each in received] == [len(each) for each in PAYLOADS], f"to {name}"
            assert received == PAYLOADS, f"to {name}"


@pytest.mark.parametrize("publisher", ["HTTP (requests)", "WebSocket", "MQTT 5 QoS 2"])
def test_order_holds_over_a_thousand_messages(server, audience, publisher):
    sent = [f"{publisher} {number}".encode() for number in range(1_000)]
    with contextlib.closing(PUBLISHERS[publisher](server, audience.channel, audience.sender)) as source:
        for payload in [*sent, b"end"]:
            source.publish(payload)

        for name, member in audience.members.items():
            assert received_until(member, b"end") == sent, f"to {name}"


def test_a_websocket_hears_itself_and_others_once(server, alice, closing):
    channel, first, second = alice.pair()
    mine = closing(WebSocketClient(server, channel, first.key))
    other = closing(WebSocketClient(server, channel, second.key))

    for payload in (b"one", b"two", b"end"):
        mine.publish(payload, text=True)

    assert received_until(mine, b"end") == received_until(other, b"end") == [b"one", b"two"]


def test_an_mqtt_client_hears_itself_once(server, alice, closing):
    channel, first, _ = alice.pair()
    mine = closing(PahoClient(server, first, topic(channel, "#"), qos=2))

    for payload in (b"one", b"two", b"end"):
        mine.publish(topic(channel), payload, qos=1)

    assert received_until(mine, b"end") == [b"one", b"two"]


def test_fragments_arrive_as_one_message(server, alice, closing):
    channel, first, second = alice.pair()
    listener = closing(PahoClient(server, second, topic(channel)))
    sender = closing(WebSocketClient(server, channel, first.key))

    sender.connection.send(iter([b"frag", b"", b"ments", b"\xff"]))

    assert listener.next() == b"fragments\xff"
