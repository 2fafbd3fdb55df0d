"""Hears what is published to a channel of a server that knows things by their certificates."""

import uuid

from support.api import Thing
from support.listeners import topic
from support.pki import PKI
from support.raw_http import RawHTTP, request
from support.raw_mqtt import RawMQTT
from support.server import Server
from support.tls import context, secured


class Hearing:
    """A thing that listens to the channel; its own messages, over HTTP, say when it has heard all before them."""

    def __init__(self, server: Server, pki: PKI, channel: str, thing: Thing):
        self.target = f"{server.prefix('http')}/channels/{channel}/messages"
        client = context(pki.ca, pki.signed(thing.key))
        self.listener = RawMQTT(secured(server, "mqtts", client)).connect("listener")
        assert self.listener.subscribe(topic(channel, "#")) == [0]
        self.sentinels = RawHTTP(secured(server, "http", client))

    def heard(self, *awaited: bytes) -> list[bytes]:
        """What has been published since the last call; what is awaited may come after the sentinel, from another process."""
        end = uuid.uuid4().bytes
        answer = self.sentinels.send(request("POST", self.target, body=end)).answer()
        assert answer.status == 202
        heard = []
        while end not in heard or any(each not in heard for each in awaited):
            heard.append(self.listener.message()[1])
        heard.remove(end)
        return heard

    def close(self) -> None:
        self.listener.socket.close()
        self.sentinels.socket.close()
