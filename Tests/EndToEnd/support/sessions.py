"""MQTT clients by hand that come back: what each is sent, down to identifiers and DUP."""

import dataclasses
import struct

from support import raw_mqtt as mqtt
from support.api import Thing
from support.raw_mqtt import Packet, RawMQTT
from support.server import Platform

FOR_EVER = 0xFFFFFFFF


@dataclasses.dataclass(frozen=True)
class Message:
    topic: str
    payload: bytes
    qos: int
    dup: bool
    identifier: int | None
    properties: bytes = b""


def read(received: Packet, version: int) -> Message:
    (size,) = struct.unpack(">H", received.body[:2])
    topic, rest = received.body[2 : 2 + size].decode(), received.body[2 + size :]
    qos, identifier, properties = received.flags >> 1 & 3, None, b""
    if qos:
        identifier, rest = struct.unpack(">H", rest[:2])[0], rest[2:]
    if version == 5:
        properties, rest = rest[1 : 1 + rest[0]], rest[1 + rest[0] :]
    return Message(topic, rest, qos, bool(received.flags & 8), identifier, properties)


class Returning(RawMQTT):
    """A connection whose session outlives it, unless told otherwise; acknowledges nothing by itself."""

    def __init__(
        self,
        server: Platform,
        thing: Thing,
        client: str,
        version: int = 4,
        clean: bool = False,
        expiry: int = FOR_EVER,
        receive_maximum: int | None = None,
        timeout: float = 10,
    ):
        super().__init__(server.connect("mqtt", timeout), version)
        properties = b""
        if version == 5:
            properties = b"\x11" + struct.pack(">I", expiry)
            properties += b"" if receive_maximum is None else b"\x21" + struct.pack(">H", receive_maximum)
        flags = 0xC0 | (0x02 if clean else 0)
        self.send(mqtt.connect(client, thing.id, thing.key, version=version, flags=flags, properties=properties))
        self.connack = self.packet()
        assert self.connack.kind == mqtt.CONNACK, self.connack
        self.code, self.is_present = self.connack.body[1], self.connack.body[0] == 1

    def next(self) -> Message:
        """The next message; an exchange that a server has forgotten the end of is ended again."""
        while (received := self.packet()).kind == mqtt.PUBREL:
            self.send(mqtt.packet(mqtt.PUBCOMP, received.body))
        assert received.kind == mqtt.PUBLISH, received
        return read(received, self.version)

    def acknowledge(self, message: Message) -> None:
        """To the end of the exchange."""
        if message.qos == 1:
            self.send(mqtt.acknowledgement(mqtt.PUBACK, message.identifier))
        if message.qos == 2:
            self.send(mqtt.acknowledgement(mqtt.PUBREC, message.identifier))
            assert self.passing(mqtt.PUBREL) == message.identifier
            self.send(mqtt.acknowledgement(mqtt.PUBCOMP, message.identifier))

    def passing(self, kind: int) -> int:
        """Waits for an acknowledgement and keeps the messages before it for later."""
        passed = b""
        while (received := self.packet()).kind != kind:
            passed += mqtt.packet(received.kind, received.body, received.flags)
        self.buffer = passed + self.buffer
        return struct.unpack(">H", received.body[:2])[0]

    def take(self, count: int) -> list[bytes]:
        """The payloads of so many messages, each acknowledged."""
        payloads = []
        for _ in range(count):
            message = self.next()
            self.acknowledge(message)
            payloads.append(message.payload)
        return payloads

    def publish(self, topic: str, payload: bytes, qos: int, identifier: int = 1) -> None:
        self.send(mqtt.publish(topic, payload, qos, identifier if qos else None, version=self.version))
        if qos == 1:
            assert self.passing(mqtt.PUBACK) == identifier
        if qos == 2:
            assert self.passing(mqtt.PUBREC) == identifier
            self.send(mqtt.acknowledgement(mqtt.PUBREL, identifier))
            assert self.passing(mqtt.PUBCOMP) == identifier

    def hears_nothing(self) -> bool:
        """Nothing was on its way before the answer to a ping, which comes behind it."""
        self.send(mqtt.packet(mqtt.PINGREQ))
        return self.packet().kind == mqtt.PINGRESP

    def leave(self) -> None:
        """An orderly end."""
        self.send(mqtt.packet(mqtt.DISCONNECT))
        self.packets_until_closed()
        self.socket.close()


def come_back_to_too_much(first: Returning, come, name: str, publish) -> None:
    """A client comes back to 300 messages where 70 may wait: it gets the oldest, MQTT 5 is told, and the session goes on."""
    assert first.subscribe(name, qos=1) == [1]
    first.leave()
    publish(*(b"%d" % number for number in range(300)))
    client, found = come(), []
    assert client.is_present
    # Behind the last message that it gets there is nothing more for a while, or the end.
    while (received := answered(client)).kind == mqtt.PUBLISH:
        message = read(received, client.version)
        client.acknowledge(message)
        found.append(message.payload)
    if client.version == 5:
        assert (received.kind, received.body[0]) == (mqtt.DISCONNECT, 0x97)
        client = come()
        assert client.is_present
    publish(b"next")
    # What the client hadn't acknowledged then comes again.
    while (payload := client.take(1)[0]) != b"next":
        assert payload in found
    # As many as may wait, and what is read and written at a time.
    assert 70 <= len(found) <= 70 + 64 and found == [b"%d" % number for number in range(len(found))]


def answered(client: Returning) -> Packet:
    """The next packet; if none comes within a second, the answer to a ping."""
    client.socket.settimeout(1)
    try:
        return client.packet()
    except TimeoutError:
        client.socket.settimeout(10)
        client.send(mqtt.packet(mqtt.PINGREQ))
        return client.packet()
    finally:
        client.socket.settimeout(10)
