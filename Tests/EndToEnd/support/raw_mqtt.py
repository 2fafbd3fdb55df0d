"""MQTT by hand: packets of any shape, well-formed or not, for versions 3.1.1 (4) and 5."""

import dataclasses
import socket
import ssl
import struct

from support.raw_http import Ended

CONNECT, CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP = 1, 2, 3, 4, 5, 6, 7
SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK, PINGREQ, PINGRESP, DISCONNECT, AUTH = 8, 9, 10, 11, 12, 13, 14, 15


def number(value: int) -> bytes:
    """A variable byte integer."""
    encoded = bytearray()
    while True:
        value, digit = divmod(value, 128)
        encoded.append(digit | (0x80 if value else 0))
        if not value:
            return bytes(encoded)


def text(value: str | bytes) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    return struct.pack(">H", len(data)) + data


def packet(kind: int, body: bytes = b"", flags: int = 0, length: bytes | None = None) -> bytes:
    """One packet; `length` replaces the encoded remaining length by other bytes."""
    return bytes([kind << 4 | flags]) + (number(len(body)) if length is None else length) + body


def connect(
    client: str | bytes = "e2e",
    username: str | None = None,
    password: str | None = None,
    version: int = 4,
    flags: int | None = None,
    name: bytes = b"MQTT",
    keep_alive: int = 60,
    properties: bytes = b"",
    will: tuple[str, bytes] | None = None,
    tail: bytes = b"",
) -> bytes:
    usual = 0x02 | (0x80 if username is not None else 0) | (0x40 if password is not None else 0) | (0x04 if will else 0)
    body = text(name) + bytes([version, usual if flags is None else flags]) + struct.pack(">H", keep_alive)
    if version == 5:
        body += number(len(properties)) + properties
    body += text(client)
    if will:
        body += (b"\0" if version == 5 else b"") + text(will[0]) + text(will[1])
    for field in (username, password):
        body += b"" if field is None else text(field)
    return packet(CONNECT, body + tail)


def publish(
    topic: str | bytes,
    payload: bytes = b"",
    qos: int = 0,
    identifier: int | None = None,
    retain: bool = False,
    duplicate: bool = False,
    version: int = 4,
    properties: bytes = b"",
) -> bytes:
    identifier = (1 if qos else None) if identifier is None else identifier
    body = text(topic) + (b"" if identifier is None else struct.pack(">H", identifier))
    body += number(len(properties)) + properties if version == 5 else b""
    return packet(PUBLISH, body + payload, (8 if duplicate else 0) | qos << 1 | (1 if retain else 0))


def subscribe(*filters: str | bytes, options: int = 0, identifier: int = 1, version: int = 4) -> bytes:
    body = struct.pack(">H", identifier) + (b"\0" if version == 5 else b"")
    return packet(SUBSCRIBE, body + b"".join(text(each) + bytes([options]) for each in filters), 2)


def unsubscribe(*filters: str, identifier: int = 1, version: int = 4) -> bytes:
    body = struct.pack(">H", identifier) + (b"\0" if version == 5 else b"")
    return packet(UNSUBSCRIBE, body + b"".join(text(each) for each in filters), 2)


def acknowledgement(kind: int, identifier: int) -> bytes:
    return packet(kind, struct.pack(">H", identifier), 2 if kind == PUBREL else 0)


@dataclasses.dataclass(frozen=True)
class Packet:
    kind: int
    flags: int
    body: bytes


class RawMQTT:
    """One connection; `send` writes bytes as they are, `packet` reads one packet."""

    def __init__(self, connection: socket.socket, version: int = 4):
        self.socket, self.version, self.buffer = connection, version, b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data: bytes) -> "RawMQTT":
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError, ssl.SSLEOFError, ssl.SSLZeroReturnError):
            pass  # A server may close before it has read everything.
        return self

    def connect(self, client: str, username: str | None = None, password: str | None = None, **more) -> "RawMQTT":
        """A CONNECT that must be accepted."""
        self.send(connect(client, username, password, version=self.version, **more))
        answer = self.packet()
        assert answer.kind == CONNACK and answer.body[1] == 0, f"CONNECT answered {answer}"
        return self

    def subscribe(self, *filters: str, qos: int = 0) -> list[int]:
        """The SUBACK's codes."""
        self.send(subscribe(*filters, options=qos, version=self.version))
        answer = self.packet()
        assert answer.kind == SUBACK, f"SUBSCRIBE answered {answer}"
        return list(answer.body[-len(filters) :])

    def packet(self) -> Packet:
        """The next packet; raises Ended at the end of the connection."""
        (first,) = self._take(1)
        length = shift = 0
        while True:
            (digit,) = self._take(1)
            length |= (digit & 0x7F) << shift
            shift += 7
            if digit < 0x80:
                return Packet(first >> 4, first & 0x0F, self._take(length))

    def message(self) -> tuple[str, bytes]:
        """The next PUBLISH's topic and payload; other packets are passed over. QoS 0 and 1 only."""
        while (received := self.packet()).kind != PUBLISH:
            pass
        (size,) = struct.unpack(">H", received.body[:2])
        topic, rest = received.body[2 : 2 + size].decode(), received.body[2 + size :]
        if received.flags & 0x06:
            self.send(acknowledgement(PUBACK, struct.unpack(">H", rest[:2])[0]))
            rest = rest[2:]
        if self.version == 5:
            rest = rest[1 + rest[0] :]
        return topic, rest

    def packets_until_closed(self) -> list[Packet]:
        """What the server says before it ends the connection; raises TimeoutError if it does not."""
        seen = []
        try:
            while True:
                seen.append(self.packet())
        except Ended:
            return seen

    def is_alive(self) -> bool:
        self.send(packet(PINGREQ))
        while (answer := self.packet()).kind == PUBLISH:
            pass
        return answer.kind == PINGRESP

    def _take(self, count: int) -> bytes:
        while len(self.buffer) < count:
            try:
                data = self.socket.recv(65536)
            except ConnectionResetError:
                data = b""
            if not data:
                raise Ended
            self.buffer += data
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken
