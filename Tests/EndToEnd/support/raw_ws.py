"""WebSocket by hand (RFC 6455): frames that no decent client would send, and every byte of the answers."""

import base64
import os
import socket
import struct

from support.raw_http import Answer, Ended, RawHTTP, request

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


def handshake(target: str, *headers: str, without: tuple[str, ...] = ()) -> bytes:
    usual = [
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
    ]
    given = {line.split(":")[0].lower() for line in headers} | {name.lower() for name in without}
    return request("GET", target, *(line for line in usual if line.split(":")[0].lower() not in given), *headers)


def frame(
    opcode: int,
    payload: bytes = b"",
    fin: bool = True,
    masked: bool = True,
    reserved: int = 0,
    length: int | None = None,
    width: int | None = None,
) -> bytes:
    """One frame; `length` lies about the payload's, `width` (0, 2, 8) forces how the length is written."""
    length = len(payload) if length is None else length
    width = (0 if length < 126 else 2 if length < 65536 else 8) if width is None else width
    head = bytes([(0x80 if fin else 0) | reserved << 4 | opcode])
    flag = 0x80 if masked else 0
    if width == 0:
        head += bytes([flag | length])
    else:
        head += bytes([flag | (126 if width == 2 else 127)]) + struct.pack(">H" if width == 2 else ">Q", length)
    if not masked:
        return head + payload
    mask = b"\x11\x22\x33\x44"
    repeated = (mask * (len(payload) // 4 + 1))[: len(payload)]
    return head + mask + (int.from_bytes(payload) ^ int.from_bytes(repeated)).to_bytes(len(payload))


def close_frame(code: int, reason: bytes = b"") -> bytes:
    return frame(CLOSE, struct.pack(">H", code) + reason)


class RawWS:
    """One connection of the WS adapter (or of MQTT over WebSocket), opened by hand."""

    def __init__(self, connection: socket.socket, target: str, *headers: str):
        self.http = RawHTTP(connection)
        self.socket = connection
        self.answer: Answer = self.http.send(handshake(target, *headers)).answer(head_only=True)

    def __enter__(self):
        assert self.answer.status == 101, f"handshake answered {self.answer}"
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data: bytes) -> "RawWS":
        self.http.send(data)
        return self

    def frame(self) -> tuple[int, bytes]:
        """The next frame's opcode and payload; raises Ended at the end of the connection."""
        first, second = self._take(2)
        assert second & 0x80 == 0, "a server must not mask"
        length = second & 0x7F
        if length == 126:
            (length,) = struct.unpack(">H", self._take(2))
        elif length == 127:
            (length,) = struct.unpack(">Q", self._take(8))
        return first & 0x0F, self._take(length)

    def data(self) -> bytes:
        """The next data frame's payload; pings are answered on the way."""
        while True:
            opcode, payload = self.frame()
            if opcode == PING:
                self.send(frame(PONG, payload))
            elif opcode in (TEXT, BINARY):
                return payload
            else:
                raise AssertionError(f"opcode {opcode} {payload!r}, not data")

    def close_code(self) -> int | None:
        """Waits for the server to end the connection, TCP included; None if it did so without a close frame."""
        code = None
        try:
            while True:
                opcode, payload = self.frame()
                if opcode == CLOSE:
                    code = struct.unpack(">H", payload[:2])[0] if len(payload) >= 2 else 1005
                    self.send(frame(CLOSE, payload[:2]))
        except Ended:
            return code

    def _take(self, count: int) -> bytes:
        while len(self.http.buffer) < count:
            self.http._fill()
        taken, self.http.buffer = self.http.buffer[:count], self.http.buffer[count:]
        return taken
