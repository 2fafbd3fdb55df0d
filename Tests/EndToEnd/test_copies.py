"""Several copies of the adapters are one platform: what goes in at one comes out at all."""

import contextlib
import dataclasses
import time
import uuid

import paho.mqtt.client as paho
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from support import raw_mqtt as mqtt
from support.api import Account, assert_refused, publish_http
from support.listeners import PahoClient, WebSocketClient, received_until, topic
from support.publishers import HTTPPublisher
from support.raw_http import RawHTTP, request
from support.raw_mqtt import RawMQTT
from support.raw_ws import RawWS

TIMES = 100


@dataclasses.dataclass(frozen=True)
class Shape:
    """Where messages go, as each protocol writes it."""

    subtopic: str = ""
    content_type: str = ""

    def path(self, channel: str) -> str:
        return f"/channels/{channel}/messages" + (f"/{self.subtopic}" if self.subtopic else "")

    def plain_topic(self, channel: str) -> str:
        return self.path(channel)[1:]

    def topic(self, channel: str) -> str:
        suffix = self.content_type.replace("/", "_").replace("+", "-")
        return self.plain_topic(channel) + (f"/ct/{suffix}" if suffix else "")


SHAPES = {
    "a channel": Shape(),
    "a subtopic": Shape("roof/north.1"),
    "a content type": Shape(content_type="application/senml+json"),
    "a subtopic with a content type": Shape("roof", "text/plain"),
}


class MQTTSource(PahoClient):
    def __init__(self, view, channel, thing, shape: Shape, qos: int, version: int):
        super().__init__(view, thing, version=version)
        self.topic, self.qos = shape.topic(channel), qos

    def publish(self, payload: bytes) -> None:
        super().publish(self.topic, payload, self.qos)


class HTTPSource(HTTPPublisher):
    def __init__(self, view, channel, thing, shape: Shape):
        super().__init__(view, channel, thing, shape.content_type)
        self.url = view.url("http", shape.path(channel))


SOURCES = {
    "HTTP": HTTPSource,
    "WebSocket": lambda view, channel, thing, shape: WebSocketClient(
        view, channel, thing.key, shape.subtopic, shape.content_type
    ),
    **{
        f"MQTT QoS {qos}": lambda *given, qos=qos, version=version: MQTTSource(*given, qos, version)
        for qos, version in ((0, paho.MQTTv311), (1, paho.MQTTv5), (2, paho.MQTTv311))
    },
}


def _listeners(view, channel, thing, shape: Shape) -> dict:
    plain, suffixed = shape.plain_topic(channel), shape.topic(channel)
    made = {
        "MQTT 3.1.1 QoS 0": PahoClient(view, thing, plain),
        "MQTT 3.1.1 QoS 1 by pattern": PahoClient(view, thing, topic(channel, "#"), qos=1),
        "MQTT 5 QoS 2 by two filters": PahoClient(view, thing, plain, topic(channel, "#"), qos=2, version=paho.MQTTv5),
        "MQTT over WebSocket QoS 1": PahoClient(view, thing, plain, qos=1, transport="websockets"),
        "WebSocket": WebSocketClient(view, channel, thing.key, shape.subtopic),
    }
    if suffixed != plain:
        made["MQTT 5 QoS 1 by content type"] = PahoClient(view, thing, suffixed, qos=1, version=paho.MQTTv5)
    return made


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_what_is_published_on_one_copy_arrives_exactly_once_at_those_of_all(one, other, shape):
    channel, sender, listener = Account(one).pair()
    copies = {"the first": one, "the second": other}
    with contextlib.ExitStack() as stack:
        listeners = {}
        for copy, view in copies.items():
            for name, each in _listeners(view, channel, listener, shape).items():
                stack.callback(each.close)
                listeners[f"{name} on {copy}"] = each
        for copy, view in copies.items():
            for name, make in SOURCES.items():
                sent, sentinel = [f"{number} by {name} on {copy}".encode() for number in range(20)], uuid.uuid4().bytes
                with contextlib.closing(make(view, channel, sender, shape)) as source:
                    for payload in [*sent, sentinel]:
                        source.publish(payload)
                    for where, each in listeners.items():
                        assert received_until(each, sentinel) == sent, f"from {name} on {copy} to {where}"


def test_what_an_mqtt_5_publisher_says_of_its_message_is_told_on_every_copy(one, other, closing):
    channel, sender, listener = Account(one).pair()
    said = Properties(PacketTypes.PUBLISH)
    said.PayloadFormatIndicator, said.MessageExpiryInterval, said.ContentType = 1, 60, "text/plain"
    said.ResponseTopic, said.CorrelationData = topic(channel, "answers"), b"\x00\xff"
    said.UserProperty = [("b", "1"), ("a", "2"), ("b", "3")]
    listeners = [closing(PahoClient(view, listener, topic(channel), qos=1, version=paho.MQTTv5)) for view in (one, other)]
    publisher = closing(PahoClient(one, sender, version=paho.MQTTv5))
    for qos in (0, 1, 2):
        publisher.publish(topic(channel), b"x", qos, properties=said)
        for each in listeners:
            heard = each.next_message().properties
            assert heard.MessageExpiryInterval in (59, 60)
            heard.MessageExpiryInterval = 60
            assert heard.json() == said.json()


class Publishers:
    """A connection to each of a copy's ways in, opened before they are needed."""

    def __init__(self, view, closing, thing):
        self.thing = thing
        self.http = RawHTTP(closing(view.connect("http")))
        self.mqtt = RawMQTT(closing(view.connect("mqtt")), 5).connect(f"p{view.ports['mqtt']}", thing.id, thing.key)

    def over_http(self, channel: str, payload: bytes) -> None:
        asked = request("POST", f"/channels/{channel}/messages", f"Authorization: {self.thing.key}", body=payload)
        assert self.http.send(asked).answer().status == 202

    def over_mqtt(self, channel: str, payload: bytes) -> None:
        answer = self.mqtt.send(mqtt.publish(topic(channel), payload, 1, version=5)).packet()
        assert answer.kind == mqtt.PUBACK and answer.body[2:3] in (b"", b"\x00", b"\x10"), answer


@pytest.fixture
def many(one):
    """Channels that nobody listens to yet, with the two things that are connected to all."""
    account = Account(one)
    sender, listener = account.things(2)
    body = [{}] * TIMES
    made = account.call("things", "POST", "/channels/bulk", json=body, expect=201).json()["channels"]
    channels = [each["id"] for each in made]
    wanted = {"channel_ids": channels, "thing_ids": [sender.id, listener.id]}
    account.call("things", "POST", "/connect", json=wanted, expect=200)
    return channels, sender, listener


@pytest.mark.parametrize("way", ["over_http", "over_mqtt"])
def test_who_is_told_that_it_is_subscribed_receives_what_another_copy_takes_from_then_on(
    one, other, many, closing, way
):
    channels, sender, listener = many
    publish = getattr(Publishers(other, closing, sender), way)
    client = RawMQTT(closing(one.connect("mqtt"))).connect("s", listener.id, listener.key)
    for channel in channels:
        publish(channel, b"before")  # From here on it need not be asked whether it may.
    for channel in channels:
        assert client.subscribe(topic(channel)) == [0]
        publish(channel, b"now")
        assert client.message() == (topic(channel), b"now")


@pytest.mark.parametrize("way", ["over_http", "over_mqtt"])
def test_who_has_opened_a_websocket_receives_what_another_copy_takes_from_then_on(one, other, many, closing, way):
    channels, sender, listener = many
    publish = getattr(Publishers(other, closing, sender), way)
    for channel in channels:
        publish(channel, b"before")
    for channel in channels:
        target = f"/channels/{channel}/messages"
        with RawWS(one.connect("ws"), target, f"Authorization: {listener.key}") as socket:
            publish(channel, b"now")
            assert socket.data() == b"now"


def test_removing_an_account_removes_what_it_owns_and_ends_what_lives_by_it_on_every_copy(
    separate, one, other, closing
):
    leaving, staying = Account(one), Account(one)
    connections, rows = [], {}
    for account in (leaving, staying):
        channel, thing, _ = account.pair()
        live = []
        for view in (one, other):
            client = RawMQTT(closing(view.connect("mqtt")), 5).connect(f"l{view.ports['mqtt']}", thing.id, thing.key)
            assert client.subscribe(topic(channel)) == [0]
            target = f"/channels/{channel}/messages"
            live.append((client, RawWS(closing(view.connect("ws")), target, f"Authorization: {thing.key}")))
        connections.append((channel, thing, live))
        rows[account.email] = separate.postgres.query(
            f"SELECT tenant_id FROM things WHERE id = '{thing.id}'", "things"
        )[0][0]

    leaving.remove()

    channel, thing, live = connections[0]
    for client, socket in live:
        said = [each for each in client.packets_until_closed() if each.kind != mqtt.PUBLISH]
        assert [(each.kind, each.body[0]) for each in said] == [(mqtt.DISCONNECT, 0x87)]
        assert socket.close_code() == 1008
    left = {
        email: [
            separate.postgres.query(f"SELECT count(*) FROM {table} WHERE tenant_id = '{tenant}'", "things")[0][0]
            for table in ("things", "channels", "connections")
        ]
        for email, tenant in rows.items()
    }
    assert left == {leaving.email: ["0", "0", "0"], staying.email: ["2", "1", "2"]}
    leaving.call("things", "GET", "/things", expect=403)
    for view in (one, other):
        assert_refused(view, channel, thing)

    channel, thing, live = connections[1]
    assert publish_http(other, channel, thing.key, b"still") == 202
    for client, socket in live:
        assert client.message() == (topic(channel), b"still") and socket.data() == b"still"


def test_a_copy_takes_from_the_bus_only_what_somebody_listens_to_there(separate, one, other):
    channel, thing, _ = Account(one).pair()

    def wanted() -> list[list[str]]:
        """What each connection to the bus wants of the channel, for those that want any."""
        mine = ([subject for subject in subjects if channel in subject] for subjects in separate.nats.subscriptions())
        return [subjects for subjects in mine if subjects]

    assert wanted() == []
    with contextlib.ExitStack() as stack:
        for _ in range(2):
            stack.callback(PahoClient(one, thing, topic(channel, "#")).close)
        assert [len(each) for each in wanted()] == [2], "the channel's own subject, and all below it"
        stack.callback(WebSocketClient(other, channel, thing.key).close)
        assert [len(each) for each in wanted()] == [2, 2]
    deadline = time.monotonic() + 10
    while wanted():
        assert time.monotonic() < deadline, f"still wanted: {wanted()}"
        time.sleep(0.05)  # It asks another server.


def test_a_copy_that_ends_tells_its_clients_and_those_of_another_go_on(separate, one, other, closing):
    channel, sender, listener = Account(one).pair()
    target, key = f"/channels/{channel}/messages", f"Authorization: {listener.key}"

    def listen(view):
        client = RawMQTT(closing(view.connect("mqtt")), 5).connect(f"l{view.ports['mqtt']}", listener.id, listener.key)
        assert client.subscribe(topic(channel)) == [0]
        return client, RawWS(closing(view.connect("ws")), target, key)

    (leaving, leaving_socket), (staying, staying_socket) = listen(one), listen(other)
    copies = [one.program(name) for name in ("mqtt-adapter", "ws-adapter")]

    for each in copies:
        each.terminate()

    assert [(each.kind, each.body[0]) for each in leaving.packets_until_closed()] == [(mqtt.DISCONNECT, 0x8B)]
    assert leaving_socket.close_code() == 1001
    assert [each.stop() for each in copies] == [0, 0]
    assert publish_http(one, channel, sender.key, b"meanwhile") == 202
    for each in copies:
        each.start()
    returned, returned_socket = listen(one)
    assert publish_http(other, channel, sender.key, b"again") == 202
    assert [returned.message()[1], returned_socket.data()] == [b"again"] * 2
    for receive in (lambda: staying.message()[1], staying_socket.data):
        assert [receive(), receive()] == [b"meanwhile", b"again"]
