"""With MF_MESSAGE_DURABILITY=disk nothing that was acknowledged is lost, whoever of them dies."""

import collections
import contextlib
import socket
import sqlite3
import threading
import time
import uuid

import pytest

from support import raw_mqtt as mqtt
from support.api import Account, publish_http
from support.engines import NATS
from support.listeners import topic
from support.programs import SeparatePrograms
from support.raw_mqtt import Ended, RawMQTT
from support.raw_nats import JetStream
from support.raw_ws import RawWS
from support.server import Server


@pytest.fixture(scope="module")
def platform(program, tmp_path_factory):
    programs = SeparatePrograms(
        tmp_path_factory.mktemp("disk"), nats=NATS(jetstream=True), MF_MESSAGE_DURABILITY="disk"
    )
    with programs.running() as running:
        yield running


@pytest.fixture
def stream(platform):
    return JetStream(platform.nats.port)


def _stored(stream, words: list[bytes]) -> int:
    bodies = stream.payloads()
    return sum(any(word in body for body in bodies) for word in words)


def test_the_stream_is_made_with_file_storage_and_limits(stream):
    config = stream.info()["config"]
    assert (config["subjects"], config["storage"], config["discard"]) == (["channel.>"], "file", "old")
    assert config["max_bytes"] == 1 << 30 and config["max_age"] == 24 * 3600 * 10**9


def test_what_is_acknowledged_over_http_and_mqtt_is_stored(platform, stream):
    view, account = platform.view(), Account(platform.view())
    channel, thing, _ = account.pair()
    words = [uuid.uuid4().bytes.hex().encode() for _ in range(40)]
    for word in words[:20]:
        assert publish_http(view, channel, thing.key, word) == 202
    with RawMQTT(view.connect("mqtt")) as client:
        client.connect("stored", thing.id, thing.key)
        # All at once, so that several are awaited at a time.
        for number, word in enumerate(words[20:], 1):
            client.send(mqtt.publish(topic(channel), word, 1, identifier=number))
        answers = [client.packet() for _ in words[20:]]
    assert [each.kind for each in answers] == [mqtt.PUBACK] * 20
    assert [int.from_bytes(each.body[:2]) for each in answers] == list(range(1, 21))
    assert _stored(stream, words) == len(words)


def test_without_a_stream_nothing_is_acknowledged(program, tmp_path):
    """JetStream is off: readiness says so, HTTP answers 503, MQTT 5 PUBACK 0x83."""
    running = SeparatePrograms(tmp_path, copies=1, nats=NATS(), MF_MESSAGE_DURABILITY="disk")
    running.start(ready=("users", "things"))
    try:
        view = running.view()
        account = Account(view)
        channel, thing, _ = account.pair()
        assert publish_http(view, channel, thing.key, b"lost") == 503
        with RawMQTT(view.connect("mqtt"), 5) as client:
            client.connect("lost", thing.id, thing.key)
            answer = client.send(mqtt.publish(topic(channel), b"lost", 1, version=5)).packet()
        assert (answer.kind, answer.body[2]) == (mqtt.PUBACK, 0x83)
        _await(lambda: running.program("http-adapter-1").down() == ["stream"])
    finally:
        running.end()


class Publisher:
    """Publishes QoS 1 over MQTT until it is stopped, one at a time, and remembers what was acknowledged."""

    def __init__(self, view, channel, thing, label: str):
        self.view, self.channel, self.thing, self.label = view, channel, thing, label
        self.acknowledged: list[bytes] = []
        self.failures = 0
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        client, number = None, 0
        while not self.ended.is_set():
            number += 1
            word = f"{self.label}-{number:06}-".encode()
            try:
                if client is None:
                    client = RawMQTT(self.view.connect("mqtt", timeout=8))
                    client.connect(self.label, self.thing.id, self.thing.key)
                answer = client.send(mqtt.publish(topic(self.channel), word, 1, identifier=number % 60_000 + 1)).packet()
                assert answer.kind == mqtt.PUBACK
                self.acknowledged.append(word)
            except (Ended, OSError, AssertionError):
                self.failures += 1
                if client is not None:
                    client.socket.close()
                client = None
                time.sleep(0.02)  # Nobody may be there at the moment.

    def stop(self) -> None:
        self.ended.set()
        self.thread.join(20)
        assert not self.thread.is_alive()


class Subscriber:
    """Remembers what it hears, on one connection that is never renewed."""

    def __init__(self, view, protocol: str, channel: str, thing, label: str):
        self.label, self.heard = label, []
        if protocol == "mqtt":
            client = RawMQTT(view.connect("mqtt", timeout=60)).connect(label, thing.id, thing.key)
            assert client.subscribe(topic(channel, "#"), qos=1) == [1]
            self.next = lambda: client.message()[1]
        else:
            path = f"/channels/{channel}/messages?authorization={thing.key}"
            client = RawWS(view.connect("ws", timeout=60), path)
            self.next = client.data
        self.connection = client.socket
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        with contextlib.suppress(Ended, OSError):
            while True:
                self.heard.append(self.next())

    @property
    def lives(self) -> bool:
        return self.thread.is_alive()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)
        self.thread.join(10)
        assert not self.lives


@pytest.mark.parametrize("victim", ["NATS", "PostgreSQL", "things", "mqtt-adapter-2"])
def test_what_was_acknowledged_is_in_the_stream_and_heard_whoever_is_killed(platform, stream, capsys, victim):
    account = Account(platform.view())
    channel, thing, listener = account.pair()
    views = (platform.view(), platform.view(1, 1, 1))
    subscribers = [
        Subscriber(view, protocol, channel, listener, f"{victim} {protocol} {copy}")
        for copy, view in enumerate(views)
        for protocol in ("mqtt", "ws")
    ]
    outcast, stranger = account.things(2)
    account.connect(channel, outcast)
    account.connect(account.channel(), stranger)
    outcasts = [Subscriber(view, "mqtt", channel, outcast, f"outcast {copy}") for copy, view in enumerate(views)]
    with RawMQTT(views[0].connect("mqtt")) as client:
        assert client.connect("stranger", stranger.id, stranger.key).subscribe(topic(channel, "#"), qos=1) == [0x80]
    publishers = [
        Publisher(view, channel, thing, f"{victim}-{number}-{copy}")
        for copy, view in enumerate(views)
        for number in range(2)
    ]
    killed = {"NATS": platform.nats, "PostgreSQL": platform.postgres, "things": platform.things}.get(victim)
    killed = killed or platform.program(victim)
    _await(lambda: all(len(each.acknowledged) > 50 for each in publishers))
    account.disconnect(channel, outcast)
    _await(lambda: not any(each.lives for each in outcasts), within=0.25)
    killed.kill()
    time.sleep(0.5)
    killed.start()
    counts = [len(each.acknowledged) for each in publishers]
    _await(lambda: all(len(each.acknowledged) > count + 50 for each, count in zip(publishers, counts)))
    for each in publishers:
        each.stop()
    words = [word for each in publishers for word in each.acknowledged]
    stored = _stored_words(stream)
    missing = [word for word in words if word not in stored]
    with capsys.disabled():
        print(
            f"\n{victim} killed: {len(words)} acknowledged, {len(missing)} of them missing in the stream, "
            f"{sum(each.failures for each in publishers)} attempts not acknowledged"
        )
    assert missing == []
    lasting = [each for each in subscribers if each.label != "mqtt-adapter-2 mqtt 1"]
    for each in lasting:
        _await(lambda: set(words) <= set(each.heard))
        assert each.lives
        with capsys.disabled():
            print(f"  {each.label}: heard all, and {len(each.heard) - len(words)} that were not acknowledged or came twice")
    for each in subscribers:
        each.close()
    # An attempt that wasn't acknowledged may have been heard. What was is heard once.
    for each in lasting:
        times = collections.Counter(each.heard)
        assert [word for word in words if times[word] > 1] == []


def _stored_words(stream) -> set[bytes]:
    """Each ends with the last hyphen of its payload."""
    found = set()
    for body in stream.payloads():
        end = body.rfind(b"-")
        start = max(body.rfind(name, 0, end) for name in (b"NATS-", b"PostgreSQL-", b"things-", b"mqtt-adapter-2-"))
        if 0 <= start < end:
            found.add(body[start : end + 1])
    return found


def _await(condition, within: float = 20) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


class TestOneProcess:
    """`fluxgate serve` keeps messages in SQLite."""

    @pytest.fixture
    def server(self, tmp_path):
        running = Server(tmp_path, MF_MESSAGE_DURABILITY="disk").start()
        yield running
        running.kill()

    def test_what_was_acknowledged_outlives_a_kill(self, server, capsys):
        account = Account(server)
        channel, thing, _ = account.pair()
        publishers = [Publisher(server, channel, thing, f"one-{number}") for number in range(4)]
        _await(lambda: all(len(each.acknowledged) > 100 for each in publishers))
        server.kill()
        for each in publishers:
            each.stop()
        words = [word for each in publishers for word in each.acknowledged]
        with contextlib.closing(sqlite3.connect(server.data / "messages.db")) as database:
            bodies = [row[0] for row in database.execute("SELECT message FROM messages ORDER BY number")]
        stored = {body[body.rfind(b"one-") :] for body in bodies}
        with capsys.disabled():
            print(f"\n{len(words)} acknowledged, {len(bodies)} stored")
        assert len(words) > 400 and [word for word in words if word not in stored] == []

    def test_http_is_answered_when_the_message_is_stored(self, server):
        account = Account(server)
        channel, thing, _ = account.pair()
        assert publish_http(server, channel, thing.key, b"kept") == 202
        with contextlib.closing(sqlite3.connect(server.data / "messages.db")) as database:
            assert database.execute("SELECT count(*) FROM messages").fetchone() == (1,)
