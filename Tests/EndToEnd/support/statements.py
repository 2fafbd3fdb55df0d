"""Which statements of the MQTT standards a test shows, where it runs, and clients that see every byte.

A place is a platform with a way in. What differs between places is how topics begin and who a client says it is.
"""

import collections
import dataclasses
import inspect
import struct
import uuid

import pytest

from support import mqtt_properties as mp
from support import raw_mqtt as mqtt
from support.listeners import topic
from support.mqtt_over_ws import FramedSocket
from support.raw_mqtt import Packet, RawMQTT
from support.server import Platform

# Whether separate programs keep retained messages.
COPIES_RETAIN = True
# Whether separate programs have shared subscriptions.
COPIES_SHARE = True

OPEN_TCP, OPEN_WEBSOCKET, KEYED, COPIES = PLACES = ("open", "open-websocket", "keyed", "copies")
OPEN = (OPEN_TCP, OPEN_WEBSOCKET)
WITH_KEYS = (KEYED, COPIES)
# Refused at the open places, where everything else is allowed.
DENIED = "denied/to/all"

VERSIONS = {"3.1.1": 4, "5": 5}
SUCCESS = 0
MALFORMED, PROTOCOL_ERROR = 0x81, 0x82


def statements(
    v3: str = "",
    v5: str = "",
    retained: bool = False,
    shared: bool = False,
    at: tuple[str, ...] = PLACES,
    wrong: dict[str, str] | None = None,
):
    """Says which numbered statements a test shows; it runs for the versions named, at those places.

    - retained: it needs retained messages
    - shared: it needs shared subscriptions
    - wrong: places where the statement is known not to hold, each with what happens instead
    """
    shown = [f"{version} {each}" for version, names in (("3.1.1", v3), ("5", v5)) for each in names.split()]

    def marked(test):
        test.statements, test.places, test.wrong = shown, at, wrong or {}
        test.retained, test.shared = retained, shared
        if "version" not in inspect.signature(test).parameters:
            return test
        versions = [VERSIONS[name] for name in VERSIONS if any(each.startswith(f"{name} ") for each in shown)]
        return pytest.mark.parametrize("version", versions)(test)

    return marked


def places(test) -> list:
    """Where a test runs, as parameters of the fixture `place`."""
    found = []
    for name in test.places:
        marks = []
        if name == COPIES and test.retained and not COPIES_RETAIN:
            marks.append(pytest.mark.skip(reason="separate programs retain nothing yet"))
        if name == COPIES and test.shared and not COPIES_SHARE:
            marks.append(pytest.mark.skip(reason="separate programs have no shared subscriptions yet"))
        if name in test.wrong:
            marks.append(pytest.mark.xfail(strict=True, reason=test.wrong[name]))
        found.append(pytest.param(name, marks=marks))
    return found


@dataclasses.dataclass(frozen=True)
class Message:
    topic: str
    payload: bytes
    qos: int
    dup: bool
    retain: bool
    identifier: int | None
    properties: mp.Properties

    def all(self, identifier: int) -> list:
        return [value for each, value in self.properties if each == identifier]


@dataclasses.dataclass(frozen=True)
class Will:
    topic: str
    payload: bytes = b"will"
    qos: int = 0
    retain: bool = False
    properties: mp.Properties = dataclasses.field(default_factory=list)


def read(received: Packet, version: int) -> Message:
    (size,) = struct.unpack(">H", received.body[:2])
    name, rest = received.body[2 : 2 + size].decode(), received.body[2 + size :]
    qos, identifier, properties = received.flags >> 1 & 3, None, []
    if qos:
        identifier, rest = struct.unpack(">H", rest[:2])[0], rest[2:]
    if version == 5:
        properties, rest = mp.split(rest)
    return Message(name, rest, qos, bool(received.flags & 8), bool(received.flags & 1), identifier, properties)


class Client(RawMQTT):
    """Acknowledges nothing by itself; messages that come before an answer are kept for `message`."""

    code = present = None

    def __init__(self, connection, version: int):
        super().__init__(connection, version)
        self.unread: collections.deque[Packet] = collections.deque()
        self.last = 0

    def accepted(self) -> "Client":
        self.connack()
        assert self.code == SUCCESS, f"CONNECT answered {self.code:#x}"
        return self

    def connack(self) -> "Client":
        answer = self.packet()
        assert answer.kind == mqtt.CONNACK and answer.flags == 0, answer
        assert answer.body[0] in (0, 1), "the other flags are reserved"
        self.present, self.code = answer.body[0] == 1, answer.body[1]
        self.granted = dict(mp.split(answer.body[2:])[0]) if self.version == 5 else {}
        return self

    def answer(self, kind: int) -> Packet:
        """The next packet that isn't a message."""
        while (received := self.packet()).kind == mqtt.PUBLISH:
            self.unread.append(received)
        assert received.kind == kind, f"{received} instead of a packet of type {kind}"
        return received

    def answer_to(self, data: bytes, kind: int, identifier: int) -> int:
        """The reason code of the acknowledgement with that identifier; 0 before MQTT 5."""
        received = self.send(data).answer(kind)
        assert struct.unpack(">H", received.body[:2])[0] == identifier, received
        return received.body[2] if self.version == 5 and len(received.body) > 2 else SUCCESS

    def message(self) -> Message:
        received = self.unread.popleft() if self.unread else self.packet()
        assert received.kind == mqtt.PUBLISH, received
        return read(received, self.version)

    def acknowledge(self, message: Message) -> None:
        """To the end of the exchange."""
        if message.qos == 1:
            self.send(mqtt.acknowledgement(mqtt.PUBACK, message.identifier))
        if message.qos == 2:
            self.receive(message)
            self.send(mqtt.acknowledgement(mqtt.PUBCOMP, message.identifier))

    def receive(self, message: Message) -> None:
        """The first half of a QoS 2 exchange."""
        identifier = message.identifier
        assert self.answer_to(mqtt.acknowledgement(mqtt.PUBREC, identifier), mqtt.PUBREL, identifier) == SUCCESS

    def next(self) -> Message:
        message = self.message()
        self.acknowledge(message)
        return message

    def next_identifier(self) -> int:
        self.last += 1
        return self.last

    def publish(self, name: str, payload: bytes = b"", qos: int = 0, properties: mp.Properties = (), **more) -> None:
        """To the end of the exchange."""
        identifier = self.next_identifier() if qos else None
        more |= {"version": self.version, "properties": mp.encoded(properties)}
        data = mqtt.publish(name, payload, qos, identifier, **more)
        match qos:
            case 0:
                self.send(data)
            case 1:
                assert self.answer_to(data, mqtt.PUBACK, identifier) == SUCCESS
            case 2:
                assert self.answer_to(data, mqtt.PUBREC, identifier) == SUCCESS
                release = mqtt.acknowledgement(mqtt.PUBREL, identifier)
                assert self.answer_to(release, mqtt.PUBCOMP, identifier) == SUCCESS

    def subscribe(self, *filters: str, options: int = 2, properties: mp.Properties = ()) -> list[int]:
        """The SUBACK's codes."""
        identifier = self.next_identifier()
        body = struct.pack(">H", identifier) + with_length(self.version, properties)
        body += b"".join(mqtt.text(each) + bytes([options]) for each in filters)
        return self._codes(self.send(mqtt.packet(mqtt.SUBSCRIBE, body, 2)).answer(mqtt.SUBACK), identifier)

    def unsubscribe(self, *filters: str) -> list[int]:
        """The UNSUBACK's codes; none before MQTT 5."""
        identifier = self.next_identifier()
        self.send(mqtt.unsubscribe(*filters, identifier=identifier, version=self.version))
        return self._codes(self.answer(mqtt.UNSUBACK), identifier)

    def _codes(self, received: Packet, identifier: int) -> list[int]:
        assert struct.unpack(">H", received.body[:2])[0] == identifier
        return list(mp.split(received.body[2:])[1] if self.version == 5 else received.body[2:])

    def ping(self) -> "Client":
        assert self.send(mqtt.packet(mqtt.PINGREQ)).answer(mqtt.PINGRESP).body == b""
        return self

    def disconnect(self, reason: int | None = None, properties: mp.Properties = ()) -> None:
        body = b"" if reason is None else bytes([reason]) + with_length(5, properties)
        assert self.send(mqtt.packet(mqtt.DISCONNECT, body)).last_words() == []
        self.close()

    def last_words(self) -> list[Packet]:
        """What the server says before it ends the connection, but for messages."""
        return [each for each in self.packets_until_closed() if each.kind != mqtt.PUBLISH]

    def expect_end(self, *reasons: int) -> None:
        """The server ends the connection; in MQTT 5 it gives one of these reasons."""
        words = self.last_words()
        if self.version == 5:
            assert [each.kind for each in words] == [mqtt.DISCONNECT], words
            assert words[0].body[0] in reasons, f"reason {words[0].body[0]:#x}"
        else:
            assert words == []

    def close(self) -> None:
        self.socket.close()


def with_length(version: int, properties: mp.Properties) -> bytes:
    data = mp.encoded(properties)
    return mqtt.number(len(data)) + data if version == 5 else b""


class Place:
    """Made for one test: its topics and clients are its own."""

    def __init__(self, name: str, platforms: list[Platform], pair: tuple | None = None):
        self.name, self.platforms = name, platforms
        self.is_open = name in OPEN
        self.mark = uuid.uuid4().hex[:8]
        if pair:
            self.channel, *self.things = pair
        self.base = self.mark if self.is_open else topic(self.channel, self.mark)
        self.refused = DENIED if self.is_open else f"nowhere/{self.mark}"
        self.clients: list[Client] = []
        self.visits: collections.Counter[str] = collections.Counter()
        self.lasting: set[tuple[str, int]] = set()

    def topic(self, relative: str) -> str:
        return f"{self.base}/{relative}"

    def relative(self, name: str) -> str:
        return name.removeprefix(f"{self.base}/")

    def connection(self, version: int, client: str = "reader") -> Client:
        """Without CONNECT. By separate programs writers and readers are at different copies, and who comes again comes
        by the other."""
        copy = (self._number(client) + self.visits[client]) % len(self.platforms)
        self.visits[client] += bool(client)
        opened = self.platforms[copy].connect("mqttws" if self.name == OPEN_WEBSOCKET else "mqtt")
        self.clients.append(Client(FramedSocket(opened) if self.name == OPEN_WEBSOCKET else opened, version))
        return self.clients[-1]

    def _number(self, client: str) -> int:
        return 0 if client.startswith("writer") else 1

    def identifier(self, client: str) -> str:
        return f"{client}-{self.mark}" if client else ""

    def credentials(self, client: str) -> tuple[str, str] | tuple[None, None]:
        if self.is_open:
            return None, None
        thing = self.things[self._number(client)]
        return thing.id, thing.key

    def connect(
        self,
        version: int,
        client: str | bytes = "reader",
        clean: bool = True,
        expiry: int | None = None,
        properties: mp.Properties = (),
        will: Will | None = None,
        keep_alive: int = 60,
        exactly: bool = False,
    ) -> bytes:
        """A CONNECT packet; a session that isn't clean lasts, in MQTT 5 for some minutes.

        `exactly`: the client identifier as it is given, and the reader's credentials.
        """
        name = "reader" if exactly else client
        username, password = self.credentials(name)
        flags = (0xC0 if username else 0) | (2 if clean else 0)
        if will:
            flags |= 4 | will.qos << 3 | will.retain << 5
        seconds = (0 if clean else 600) if expiry is None else expiry
        properties = [*properties, *([(mp.SESSION_EXPIRY, seconds)] if seconds else [])]
        body = mqtt.text("MQTT") + bytes([version, flags]) + struct.pack(">H", keep_alive)
        body += with_length(version, properties) + mqtt.text(client if exactly else self.identifier(name))
        if will:
            body += with_length(version, will.properties) + mqtt.text(will.topic) + mqtt.text(will.payload)
        body += mqtt.text(username) + mqtt.text(password) if username else b""
        if (not clean or seconds) and not exactly:
            self.lasting.add((name, version))
        return mqtt.packet(mqtt.CONNECT, body)

    def come(self, version: int, client: str = "reader", **options) -> Client:
        """A client that is let in."""
        return self.connection(version, client).send(self.connect(version, client, **options)).accepted()

    def reader(self, version: int, *filters: str, options: int = 2, **more) -> Client:
        """Subscribed to these, which are relative."""
        client = self.come(version, **more)
        codes = client.subscribe(*map(self.topic, filters), options=options)
        assert codes == [options & 3] * len(filters)
        return client

    def writer(self, version: int, **options) -> Client:
        return self.come(version, "writer", **options)

    def heard(self, reader: Client, writer: Client) -> list[Message]:
        """What the reader gets, and acknowledges, before the writer's next message, but for such messages to others."""
        fence, payload = self.topic("the/fence"), uuid.uuid4().bytes
        assert reader.subscribe(fence, options=1) == [1]
        writer.publish(fence, payload, 1)
        found = []
        while (message := reader.next()).payload != payload:
            found += [message] if message.topic != fence else []
        return found

    def payloads(self, reader: Client, writer: Client) -> list[bytes]:
        return [each.payload for each in self.heard(reader, writer)]

    def let_seconds_pass(self, version: int) -> None:
        """A second and a half: as long as a client that promises to ping every second may be silent."""
        self.come(version, "", keep_alive=1).last_words()

    def close(self) -> None:
        for each in self.clients:
            each.close()
        for client, version in self.lasting:
            self.connection(version, client).send(self.connect(version, client)).packet()
            self.clients[-1].close()
