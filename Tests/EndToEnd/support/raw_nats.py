"""A client of NATS and JetStream that shares no code with the platform's."""

import json
import secrets
import socket


class RawNATS:
    """What is published on a subject, as JSON objects."""

    def __init__(self, port: int, subject: str, timeout: float = 15):
        self.subject = subject
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

    def request(self, subject: str, body: dict | None = None) -> dict:
        """Asks with the subject of this subscription as the one to answer to."""
        payload = json.dumps(body).encode() if body else b""
        self.socket.sendall(f"PUB {subject} {self.subject} {len(payload)}\r\n".encode() + payload + b"\r\n")
        return self.next()

    def next(self) -> dict:
        """The next message's JSON; raises TimeoutError if there is none in time."""
        return json.loads(self.payload())

    def payload(self) -> bytes:
        while True:
            line = self.stream.readline().split()
            assert line, "the connection has ended"
            if line[0] == b"PING":
                self.socket.sendall(b"PONG\r\n")
            elif line[0] in (b"MSG", b"HMSG"):
                payload = self.stream.read(int(line[-1]) + 2)[:-2]
                return payload[int(line[-2]) if line[0] == b"HMSG" else 0 :]


class JetStream:
    """What a stream has."""

    def __init__(self, port: int, stream: str = "fluxgate-messages"):
        self.port, self.stream = port, stream

    def info(self) -> dict:
        with self._client() as nats:
            return nats.request(f"$JS.API.STREAM.INFO.{self.stream}")

    def payloads(self) -> list[bytes]:
        """Of all messages, as they were published on the bus."""
        count = self.info()["state"]["messages"]
        inbox = f"_INBOX.{secrets.token_hex(8)}"
        with self._client() as nats, RawNATS(self.port, inbox) as delivered:
            config = {"deliver_subject": inbox, "deliver_policy": "all", "ack_policy": "none", "replay_policy": "instant"}
            made = nats.request(f"$JS.API.CONSUMER.CREATE.{self.stream}", {"stream_name": self.stream, "config": config})
            assert "error" not in made, made
            return [delivered.payload() for _ in range(count)]

    def _client(self) -> RawNATS:
        return RawNATS(self.port, f"_INBOX.{secrets.token_hex(8)}")
