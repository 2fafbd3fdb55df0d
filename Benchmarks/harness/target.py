"""What a load program needs to know about a server."""

import dataclasses
import os

from .process import Program


@dataclasses.dataclass
class TLS:
    """Mutual TLS: the CA of the server's certificate, and the version to speak."""

    ca: str  # file
    version: str


@dataclasses.dataclass
class MQTTTarget:
    """A broker with accounts that may publish and subscribe to the topic; over WebSocket that is a path."""

    name: str
    program: Program
    port: int
    topic: str
    credentials: str  # file with a line 'user password' for each connection, with TLS also 'certificate key'
    tls: TLS | None = None


@dataclasses.dataclass
class HTTPTarget:
    """A server that answers 202 to a POST."""

    name: str
    program: Program
    url: str
    headers: dict


def write_accounts(path, accounts):
    write_private(path, "".join(" ".join(account) + "\n" for account in accounts))


def write_private(path, text):
    with open(path, "w", encoding="utf-8", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(text)
