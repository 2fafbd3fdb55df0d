"""What the two flood programs share: the shape of their messages, which all have one length, so that Python needn't look at each.

A payload begins with who sent it (4 bytes) and which of his it is (4 bytes).
"""

import struct

from support import raw_mqtt as mqtt
from support.listeners import topic

BATCH = 64  # Messages of one write; a number's last six bits are its place in there.
PAYLOAD = 128
FILLER = b"x" * (PAYLOAD - 8)


class Strided:
    """As many equal records as a batch has, one behind the other; a column is one byte of each."""

    def __init__(self, record: bytes):
        self.length, self.bytes = len(record), bytearray(record * BATCH)

    def put(self, offset: int, value: int) -> None:
        """The same byte into every record."""
        self.bytes[offset :: self.length] = bytes((value,)) * BATCH

    def number(self, offset: int, number: int) -> None:
        """Four bytes, counting upwards from a multiple of the batch."""
        for place, shift in enumerate((24, 16, 8)):
            self.put(offset + place, number >> shift & 0xFF)
        self.bytes[offset + 3 :: self.length] = bytes(number & 0xFF | each for each in range(BATCH))


def publish_record(channel: str, publisher: int) -> bytes:
    return mqtt.publish(topic(channel), struct.pack(">II", publisher, 0) + FILLER, qos=1, identifier=1)


def request_record(channel: str, key: str, publisher: int) -> bytes:
    head = f"POST /channels/{channel}/messages HTTP/1.1\r\nHost: localhost\r\nAuthorization: {key}\r\n"
    return f"{head}Content-Length: {PAYLOAD}\r\n\r\n".encode() + struct.pack(">II", publisher, 0) + FILLER
