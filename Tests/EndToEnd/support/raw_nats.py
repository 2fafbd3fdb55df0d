"""A subscriber of NATS that shares no code with the platform's."""

import json
import socket


class RawNATS:
    """What is published on a subject, as JSON objects."""

    def __init__(self, port: int, subject: str, timeout: float = 15):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.stream = self.socket.makefile("rb")
        assert self.stream.readline().startswith(b"INFO ")
        self.socket.sendall(b'CONNECT {"verbose":false}\r\nSUB ' + subject.encode() + b" 1\r\nPING\r\n")
        assert self.stream.readline() == b"PONG\r\n"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stream.close()
        self.socket.close()

    def next(self) -> dict:
        """The next message; raises TimeoutError if there is none in time."""
        while True:
            line = self.stream.readline().split()
            assert line, "the connection has ended"
            if line[0] == b"PING":
                self.socket.sendall(b"PONG\r\n")
            elif line[0] in (b"MSG", b"HMSG"):
                payload = self.stream.read(int(line[-1]) + 2)[:-2]
                return json.loads(payload[int(line[-2]) if line[0] == b"HMSG" else 0 :])
