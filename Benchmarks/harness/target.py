"""What a load program needs to know about a server."""

import dataclasses

from .process import Program


@dataclasses.dataclass
class MQTTTarget:
    """A broker with accounts that may publish and subscribe to the topic."""

    name: str
    program: Program
    port: int
    topic: str
    credentials: str  # file with a line 'user password' for each connection


@dataclasses.dataclass
class HTTPTarget:
    """A server that answers 202 to a POST."""

    name: str
    program: Program
    url: str
    headers: dict
