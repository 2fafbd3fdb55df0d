"""A client of NATS and JetStream that shares no code with the platform's."""

import dataclasses
import json
import secrets
import socket
import ssl


@dataclasses.dataclass(frozen=True)
class Address:
    """Where a server is, and what it wants to see; with `tls` it is called `name`."""

    port: int
    host: str = "127.0.0.1"
    token: str | None = None
    tls: ssl.SSLContext | None = None
    name: str = "localhost"


class RawNATS:
    """What is published on a subject, as JSON objects."""

    def __init__(self, address: Address | int, subject: str, timeout: float = 15):
        at = Address(address) if isinstance(address, int) else address
        self.subject = subject
        self.socket = socket.create_connection((at.host, at.port), timeout=timeout)
        greeting = b""
        while not greeting.endswith(b"\r\n"):  # One by one: behind it TLS begins.
            byte = self.socket.recv(1)
            assert byte, "the connection has ended"
            greeting += byte
        assert greeting.startswith(b"INFO ")
        if at.tls:
            self.socket = at.tls.wrap_socket(self.socket, server_hostname=at.name)
        self.stream = self.socket.makefile("rb")
        options = {"verbose": False} | ({"auth_token": at.token} if at.token else {})
        self.socket.sendall(f"CONNECT {json.dumps(options)}\r\nSUB {subject} 1\r\nPING\r\n".encode())
        answer = self.stream.readline()
        # With JetStream a server tells more of itself when it knows the client's account.
        while answer.startswith(b"INFO "):
            answer = self.stream.readline()
        assert answer == b"PONG\r\n", answer

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

    def __init__(self, address: Address | int, stream: str = "fluxgate-messages"):
        self.address, self.stream = address, stream

    def info(self) -> dict:
        with self._client() as nats:
            return nats.request(f"$JS.API.STREAM.INFO.{self.stream}")

    def payloads(self) -> list[bytes]:
        """Of all messages, as they were published on the bus."""
        count = self.info()["state"]["messages"]
        inbox = f"_INBOX.{secrets.token_hex(8)}"
        with self._client() as nats, RawNATS(self.address, inbox) as delivered:
            config = {"deliver_subject": inbox, "deliver_policy": "all", "ack_policy": "none", "replay_policy": "instant"}
            made = nats.request(f"$JS.API.CONSUMER.CREATE.{self.stream}", {"stream_name": self.stream, "config": config})
            assert "error" not in made, made
            return [delivered.payload() for _ in range(count)]

    def _client(self) -> RawNATS:
        return RawNATS(self.address, f"_INBOX.{secrets.token_hex(8)}")
