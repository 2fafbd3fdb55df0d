"""Random MQTT clients whose sessions outlive their connections, and what must be true of what they heard."""

import collections
import collections.abc
import contextlib
import random
import select
import struct
import time

from support import raw_mqtt as mqtt
from support.api import Thing
from support.raw_http import Ended
from support.raw_mqtt import Packet, RawMQTT
from support.server import Platform
from support.sessions import FOR_EVER, read


class ModelClient:
    """One client: it publishes, and acknowledges what it gets, now or later. Packets are taken when they come."""

    def __init__(self, server: Platform, thing: Thing, name: str, version: int, chance: random.Random):
        self.server, self.thing, self.name, self.version, self.chance = server, thing, name, version, chance
        self.link: RawMQTT | None = None
        self.has_session = self.is_connected = False
        self.last_id = 0
        # By packet id: topic, payload, QoS, and whether PUBREC has come.
        self.pending: dict[int, tuple[str, bytes, int, bool]] = {}
        self.acknowledged: set[bytes] = set()
        self.unreleased: set[int] = set()
        self.heard: list[tuple[str, bytes, int]] = []
        self.owed: collections.deque[bytes] = collections.deque()
        self.answers: collections.deque[Packet] = collections.deque()

    # What it does.

    def connect(self, within: float = 20) -> None:
        """What a server can't do just now it may say so."""
        deadline = time.monotonic() + within
        while (answer := self._connect()).body[1] != 0:
            assert answer.body[1] in (0x03, 0x88) and time.monotonic() < deadline, f"{self.name}: {answer}"
            time.sleep(0.05)
        assert (answer.body[0] == 1) == self.has_session, f"{self.name}: session present {answer.body[0]}"
        self.has_session = self.is_connected = True
        for identifier, (topic, payload, qos, is_received) in self.pending.items():
            if is_received:
                self.link.send(mqtt.acknowledgement(mqtt.PUBREL, identifier))
            else:
                self.link.send(mqtt.publish(topic, payload, qos, identifier, duplicate=True, version=self.version))

    def _connect(self) -> Packet:
        self.link = RawMQTT(self.server.connect("mqtt", 20), self.version)
        properties = b"\x11" + struct.pack(">I", FOR_EVER) if self.version == 5 else b""
        credentials = (self.thing.id, self.thing.key)
        self.link.send(mqtt.connect(self.name, *credentials, version=self.version, flags=0xC0, properties=properties))
        answer = self.link.packet()
        assert answer.kind == mqtt.CONNACK, f"{self.name}: {answer}"
        return answer

    def subscribe(self, *filters: str, qos: int) -> None:
        self.link.send(mqtt.subscribe(*filters, options=qos, version=self.version))
        while not self.answers:
            self.take()
        assert set(self.answers.popleft().body[-len(filters) :]) == {qos}

    def publish(self, topic: str, payload: bytes, qos: int) -> None:
        if not qos:
            return self.link.send(mqtt.publish(topic, payload, version=self.version)) and None
        while True:
            self.last_id = self.last_id % 0xFFFF + 1
            if self.last_id not in self.pending:
                break
        self.pending[self.last_id] = (topic, payload, qos, False)
        self.link.send(mqtt.publish(topic, payload, qos, self.last_id, version=self.version))

    def leave(self, is_orderly: bool) -> None:
        if is_orderly:
            self.settle()
            self.link.send(mqtt.packet(mqtt.DISCONNECT))
            with contextlib.suppress(Ended):
                while True:
                    self.took(self.link.packet())
        self.lost()

    def lost(self) -> None:
        if self.link:
            self.link.socket.close()
        self.link, self.is_connected = None, False
        self.owed.clear()

    # What comes.

    def take(self) -> None:
        """One packet, which must be there or come."""
        try:
            self.took(self.link.packet())
        except Ended:
            self.lost()
            raise

    def took(self, received: Packet) -> None:
        match received.kind:
            case mqtt.PUBLISH:
                self._heard(received)
            case mqtt.PUBREL:
                (identifier,) = struct.unpack(">H", received.body[:2])
                self.unreleased.discard(identifier)
                self.owe(mqtt.acknowledgement(mqtt.PUBCOMP, identifier))
            case mqtt.PUBACK | mqtt.PUBREC | mqtt.PUBCOMP:
                self._acknowledged(received)
            case mqtt.SUBACK:
                self.answers.append(received)
            case mqtt.DISCONNECT:
                pass
            case _:
                raise AssertionError(f"{self.name} got {received}")

    def _heard(self, received: Packet) -> None:
        message = read(received, self.version)
        if message.qos == 2:
            if message.identifier not in self.unreleased:
                self.unreleased.add(message.identifier)
                self.heard.append((message.topic, message.payload, 2))
            self.owe(mqtt.acknowledgement(mqtt.PUBREC, message.identifier))
        else:
            self.heard.append((message.topic, message.payload, message.qos))
            if message.qos:
                self.owe(mqtt.acknowledgement(mqtt.PUBACK, message.identifier))

    def _acknowledged(self, received: Packet) -> None:
        (identifier,) = struct.unpack(">H", received.body[:2])
        if identifier not in self.pending:
            return
        topic, payload, qos, _ = self.pending[identifier]
        if len(received.body) > 2 and received.body[2] >= 0x80:
            # It couldn't be taken just then; the client doesn't try again.
            del self.pending[identifier]
            return
        self.acknowledged.add(payload)
        if received.kind == mqtt.PUBREC:
            self.pending[identifier] = (topic, payload, qos, True)
            self.link.send(mqtt.acknowledgement(mqtt.PUBREL, identifier))
        else:
            del self.pending[identifier]

    def owe(self, packet: bytes) -> None:
        """Acknowledgements go out in order, some of them later."""
        self.owed.append(packet)
        if self.chance.random() < 0.7:
            self.settle()

    def settle(self) -> None:
        while self.owed and self.link:
            self.link.send(self.owed.popleft())


def pump(clients: list[ModelClient], timeout: float = 0) -> bool:
    """Takes what has come; whether there was anything."""
    ready = [each for each in clients if each.link and each.link.buffer]
    sockets = {each.link.socket: each for each in clients if each.link}
    if not ready:
        ready = [sockets[each] for each in select.select(list(sockets), [], [], timeout)[0]]
    for each in ready:
        with contextlib.suppress(Ended):
            each.take()
    return bool(ready)


def faults(
    publishers: list[ModelClient], subscribers: dict[ModelClient, tuple[int, collections.abc.Callable[[str], bool]]], sent
) -> list[str]:
    """What is wrong; `sent` says topic, QoS and publisher of each payload, in the order of publishing."""
    found = []
    acknowledged = set().union(*(each.acknowledged for each in publishers))
    for client, (qos, wants) in subscribers.items():
        times = collections.Counter(payload for _, payload, _ in client.heard)
        first: dict[tuple, list[int]] = collections.defaultdict(list)
        seen = set()
        for topic, payload, _ in client.heard:
            if payload not in sent or sent[payload][0] != topic or not wants(topic):
                found.append(f"{client.name} heard {payload!r} on {topic}")
            elif payload not in seen:
                seen.add(payload)
                if sent[payload][1]:
                    first[topic, sent[payload][2]].append(int(payload))
        for payload, (topic, published, _) in sent.items():
            if wants(topic) and published and payload in acknowledged and not times[payload]:
                found.append(f"{client.name} lost {payload!r}, QoS {published}")
            if min(published, qos) == 2 and times[payload] > 1:
                found.append(f"{client.name} heard {payload!r} {times[payload]} times")
        for (topic, publisher), order in first.items():
            overtaken = [pair for pair in zip(order, order[1:]) if pair[0] > pair[1]]
            if overtaken:
                found.append(f"{client.name}: of {publisher}'s on {topic} these overtook: {overtaken}")
    return found
