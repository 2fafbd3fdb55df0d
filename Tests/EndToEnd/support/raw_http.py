"""HTTP by hand on a socket: for requests that no decent client would send."""

import dataclasses
import json
import socket
import ssl


@dataclasses.dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self):
        return json.loads(self.body)


class Ended(Exception):
    """The peer ended the connection, in whatever way, before the answer was whole."""


class RawHTTP:
    """One connection; `send` writes bytes as they are, `answer` reads one answer."""

    def __init__(self, connection: socket.socket):
        self.socket, self.buffer = connection, b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data: bytes) -> "RawHTTP":
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError, ssl.SSLEOFError, ssl.SSLZeroReturnError):
            pass  # A server may answer and close before it has read everything.
        return self

    def _fill(self) -> None:
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            data = b""
        if not data:
            raise Ended
        self.buffer += data

    def answer(self, head_only: bool = False) -> Answer:
        while b"\r\n\r\n" not in self.buffer:
            self._fill()
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        status = int(first.split(" ")[1])
        length = 0 if head_only or status in (101, 204, 304) else int(headers.get("content-length", "0"))
        if headers.get("transfer-encoding") == "chunked" and not head_only:
            return Answer(status, headers, self._chunked())
        while len(self.buffer) < length:
            self._fill()
        body, self.buffer = self.buffer[:length], self.buffer[length:]
        return Answer(status, headers, body)

    def _chunked(self) -> bytes:
        body = b""
        while True:
            while b"\r\n" not in self.buffer:
                self._fill()
            size, _, self.buffer = self.buffer.partition(b"\r\n")
            length = int(size, 16)
            while len(self.buffer) < length + 2:
                self._fill()
            body, self.buffer = body + self.buffer[:length], self.buffer[length + 2 :]
            if length == 0:
                return body

    def is_closed(self) -> bool:
        """True once the peer has ended the connection; raises TimeoutError if it keeps it open."""
        try:
            while True:
                self._fill()
        except Ended:
            return True


def request(method: str, target: str, *headers: str, body: bytes = b"", host: str = "localhost") -> bytes:
    """A request's bytes. A Content-Length is added when there is a body and no other framing is given."""
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", *headers]
    framed = any(line.lower().startswith(("content-length", "transfer-encoding")) for line in headers)
    if not framed and (body or method in ("POST", "PUT", "PATCH")):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + body
