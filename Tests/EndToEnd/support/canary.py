"""Live MQTT and WebSocket connections of an innocent tenant."""

import itertools

from support.api import Account, publish_http
from support.listeners import PahoClient, WebSocketClient, topic
from support.server import Server


class Canary:
    """Sings by publishing over HTTP; its two connections, never renewed, must hear that and nothing else."""

    def __init__(self, server: Server):
        self.server = server
        self.channel, self.sender, listener = Account(server).pair()
        self.listeners = [
            PahoClient(server, listener, topic(self.channel, "#")),
            WebSocketClient(server, self.channel, listener.key),
        ]
        self.songs = itertools.count(1)

    def sing(self) -> None:
        song = f"song {next(self.songs)}".encode()
        assert publish_http(self.server, self.channel, self.sender.key, song) == 202
        for each in self.listeners:
            assert each.next() == song

    def close(self) -> None:
        for each in self.listeners:
            each.close()
