"""PostgreSQL, NATS and `things` are killed under traffic and come back: nobody else dies, and nobody is let through."""

import collections
import uuid

import pytest

from support.api import Account, publish_http
from support.cold import cold_answers
from support.listeners import topic
from support.programs import SeparatePrograms
from support.raw_mqtt import RawMQTT
from support.raw_ws import RawWS
from support.traffic import (
    ACCEPTED,
    CLOSED,
    REFUSED,
    RETRY,
    Attempts,
    HTTPClient,
    Listener,
    MQTTClient,
    RESTClient,
    WebSocketPublisher,
    await_more,
    watching,
)

ADAPTERS = [f"{name}-adapter-{number}" for name in ("http", "ws", "mqtt") for number in (1, 2)]
AGES = {"http": "1s", "ws": "5m", "mqtt": "5m"}
TTL = "1s"
READY = ()

# What is killed, and what then is missing where. All others stay ready.
FAULTS = {
    "PostgreSQL": {"users": ("postgres",), "things": ("postgres",), **{name: ("things",) for name in ADAPTERS}},
    "NATS": {name: ("nats",) for name in ("users", "things", *ADAPTERS)},
    "things": {"things": None, **{name: ("things",) for name in ADAPTERS}},
}
# What a thing is told meanwhile that no adapter knows: over HTTP and WebSocket, and by MQTT 3.1.1 and 5.
COLD = {"PostgreSQL": [503, 503, 3, 0x88], "NATS": [503, 101, 0, 0], "things": [503, 503, 3, 0x88]}


@pytest.fixture(scope="module")
def platform(program, tmp_path_factory):
    # So that the HTTP adapter's decisions get too old during an outage, and those of the others have to be confirmed only.
    own = {
        f"{name}-adapter": {"MF_ACCESS_CACHE_MAX_AGE": age, "MF_ACCESS_CACHE_TTL": TTL} for name, age in AGES.items()
    }
    running = SeparatePrograms(tmp_path_factory.mktemp("faults"), own=own).start()
    try:
        yield running
        running.check()
        assert set(running.stop().values()) == {0}
    finally:
        running.end()


class Traffic:
    """Two tenants: one publishes and listens on both copies, the other tries to publish to it."""

    def __init__(self, platform):
        self.one, self.other = platform.view(), platform.view(1, 1, 1)
        self.account, self.mallory = Account(self.one), Account(self.one)
        self.channel, sender, listener = self.account.pair()
        _, stranger, _ = self.mallory.pair()
        self.sender, self.cold = sender, self.account.things(len(FAULTS))
        self.account.connect(self.channel, *self.cold)
        self.listeners = [
            each for view in (self.one, self.other) for each in self._listeners(view, self.channel, listener)
        ]
        one, other, channel = self.one, self.other, self.channel
        self.http = Attempts("HTTP", HTTPClient(one, channel, sender, "http"))
        self.publishers = [
            self.http,
            Attempts("MQTT 3.1.1", MQTTClient(other, channel, sender, "mqtt4", 4)),
            Attempts("MQTT 5", MQTTClient(one, channel, sender, "mqtt5", 5)),
            Attempts("WebSocket", WebSocketPublisher(other, channel, sender, "ws")),
        ]
        self.strangers = [
            Attempts("stranger over HTTP", HTTPClient(one, channel, stranger, "stranger")),
            Attempts("stranger over MQTT 5", MQTTClient(one, channel, stranger, "stranger", 5)),
            Attempts("stranger over MQTT 3.1.1", MQTTClient(other, channel, stranger, "stranger", 4)),
            Attempts("stranger over WebSocket", WebSocketPublisher(other, channel, stranger, "stranger")),
        ]
        self.services = {
            "users": Attempts("users", RESTClient(one, "users", "/users", self.account.token)),
            "things": Attempts("things", RESTClient(one, "things", "/things?limit=1", self.account.token)),
        }

    @staticmethod
    def _listeners(view, channel, thing) -> list[Listener]:
        client = RawMQTT(view.connect("mqtt", timeout=120))
        client.connect(f"l{view.ports['mqtt']}", thing.id, thing.key, keep_alive=0)
        assert client.subscribe(topic(channel, "#"), qos=1) == [1]
        target, key = f"/channels/{channel}/messages", f"Authorization: {thing.key}"
        socket = RawWS(view.connect("ws", timeout=120), target, key)
        assert socket.answer.status == 101
        return [Listener("MQTT", lambda: client.message()[1]), Listener("WebSocket", socket.data)]

    @property
    def all(self) -> list[Attempts]:
        return [*self.publishers, *self.strangers, *self.services.values()]

    def counts(self) -> dict[str, collections.Counter]:
        return {each.name: each.told.copy() for each in self.all}

    def since(self, before: dict[str, collections.Counter]) -> dict[str, dict[str, int]]:
        return {each.name: dict(each.told - before[each.name]) for each in self.all}

    def stop(self) -> None:
        for each in self.all:
            each.stop()


@pytest.fixture(scope="module")
def traffic(platform):
    made = Traffic(platform)
    await_more([*made.publishers, *made.services.values()], (ACCEPTED,), 5)
    yield made
    made.stop()


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_killed_comes_back_and_nothing_else_notices_more_than_it_is_told(platform, traffic, capsys, fault):
    killed = {"PostgreSQL": platform.postgres, "NATS": platform.nats, "things": platform.things}[fault]
    others = {name: pid for name, pid in platform.pids().items() if name != fault}
    cold, leaving = traffic.cold.pop(), Account(traffic.other)
    with watching(platform) as readiness:
        readiness.wait_for(dict.fromkeys(readiness.changes, READY))
        before = traffic.counts()

        killed.kill()
        red = readiness.wait_for(FAULTS[fault])
        assert cold_answers(traffic.one, traffic.channel, cold) == COLD[fault]
        leaving.call("users", "DELETE", "/users", expect=503)
        await_more([*traffic.publishers, *traffic.strangers], (ACCEPTED, RETRY, REFUSED, CLOSED), 3)
        refused = traffic.publishers if fault == "NATS" else [traffic.http]
        await_more(refused, (RETRY, CLOSED), 2)
        during = traffic.since(before)
        killed.start()
        green = readiness.wait_for(dict.fromkeys(readiness.changes, READY))

        await_more([*traffic.publishers, *traffic.services.values()], (ACCEPTED,), 5)
        leaving.remove()
        after = traffic.since(before)
        changes = dict(readiness.changes)

    _show(capsys, fault, red, green, during, after, changes)
    for each in traffic.publishers:
        assert each in refused or during[each.name].keys() == {ACCEPTED}, "who is known goes on"
    platform.check()
    assert {name: platform.pids()[name] for name in others} == others
    for name, seen in changes.items():
        if name == fault:  # While it starts, it lacks its own listeners.
            seen = [down for down in seen if not set(down or ()) & set(platform.things.ports)]
        assert seen == ([READY, FAULTS[fault][name], READY] if name in FAULTS[fault] else [READY]), name
    word = uuid.uuid4().bytes
    assert publish_http(traffic.other, traffic.channel, traffic.sender.key, word) == 202
    for each in traffic.listeners:
        each.hears(word)
        assert [key for key, count in collections.Counter(each.payloads).items() if count > 1] == []
        assert not any(payload.startswith(b"stranger") for payload in each.payloads)
    for each in traffic.strangers:
        assert each.told[ACCEPTED] == 0 and each.told[CLOSED if each.name.endswith("3.1.1") else REFUSED] > 0, each.told


def _show(capsys, fault, red, green, during, after, changes) -> None:
    with capsys.disabled():
        print(f"\n{fault} killed: red after {red:.2f} s, green {green:.2f} s after it was started again")
        for name, told in after.items():
            print(f"  {name:26}{during[name]} while it was gone, {told} in all")
        print(f"  {changes}")
