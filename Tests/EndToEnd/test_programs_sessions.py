"""Sessions between two copies of the MQTT adapter: a client is where it connected last, whatever becomes of where it was."""

import signal
import struct

import pytest

from support import raw_mqtt as mqtt
from support.api import Account
from support.engines import NATS
from support.listeners import topic
from support.programs import SeparatePrograms
from support.raw_http import Ended
from support.sessions import Returning, come_back_to_too_much


@pytest.fixture(scope="module")
def programs(program, tmp_path_factory):
    made = SeparatePrograms(
        tmp_path_factory.mktemp("sessions"),
        nats=NATS(jetstream=True),
        MF_MESSAGE_DURABILITY="disk",
        own={"mqtt-adapter": {"MF_MQTT_ADAPTER_MAX_SESSIONS": "3", "MF_MQTT_MAX_QUEUED_MESSAGES": "70"}},
    )
    with made.running() as running:
        yield running


class World:
    """A thing with a session, its channel, and another that publishes there."""

    def __init__(self, programs, version=5):
        self.programs, self.version = programs, version
        self.views = [programs.view(mqtt=each) for each in (0, 1)]
        self.account = Account(self.views[0])
        self.channel, self.thing, self.other = self.account.pair()
        self.base = topic(self.channel)

    def come(self, to: int, client="listener", thing=None, **options) -> Returning:
        return Returning(self.views[to], thing or self.thing, client, **{"version": self.version, **options})

    def publish(self, *payloads: bytes, by: int = 1, qos: int = 1) -> None:
        publisher = self.come(by, "publisher", self.other, clean=True, expiry=0)
        for payload in payloads:
            publisher.publish(self.base, payload, qos)
        publisher.leave()

    def adapter(self, number: int):
        return self.programs.adapters["mqtt-adapter"][number]


@pytest.fixture(params=[4, 5], ids=["3.1.1", "5"])
def world(programs, request):
    return World(programs, request.param)


def test_a_client_has_one_connection_wherever_it_is(world):
    """[MQTT-3.1.4-3]; sessions that end with their connections too."""
    first = world.come(0, clean=True, expiry=0)
    second = world.come(1, clean=True, expiry=0)
    ended = first.packets_until_closed()
    if world.version == 5:
        assert [(each.kind, each.body[0]) for each in ended] == [(mqtt.DISCONNECT, 0x8E)]
    # Another thing with the same identifier is another client.
    world.come(0, thing=world.other, clean=True, expiry=0)
    assert second.hears_nothing()


def test_a_session_is_taken_over_with_what_is_in_flight(world):
    first = world.come(0)
    assert first.subscribe(world.base, qos=1) == [1]
    world.publish(b"one")
    message = first.next()
    second = world.come(1)
    first.packets_until_closed()
    assert second.is_present
    repeated = second.next()
    assert (repeated.payload, repeated.identifier, repeated.dup) == (b"one", message.identifier, True)
    world.publish(b"two")
    assert second.next().payload == b"two"


def test_a_clean_start_elsewhere_ends_it(world):
    first = world.come(0)
    assert first.subscribe(world.base, qos=1) == [1]
    second = world.come(1, clean=True, expiry=0)
    first.packets_until_closed()
    assert not second.is_present
    world.publish(b"not mine")
    assert second.hears_nothing()
    second.leave()
    assert not world.come(0).is_present


def test_a_thing_has_only_so_many_sessions(world):
    for number in range(3):
        world.come(number % 2, f"client {number}").leave()
    assert world.come(1, "one more").code == (0x97 if world.version == 5 else 3)
    world.come(0, "client 1", clean=True, expiry=0).leave()
    assert world.come(1, "one more").code == 0


def test_more_than_may_wait_for_a_session_is_dropped(world):
    come_back_to_too_much(world.come(0), lambda: world.come(1), world.base, world.publish)


@pytest.fixture
def own(program, tmp_path):
    """Programs that are killed."""
    running = SeparatePrograms(tmp_path, nats=NATS(jetstream=True), MF_MESSAGE_DURABILITY="disk").start()
    yield World(running)
    running.end()


def test_a_killed_adapters_sessions_go_on_at_the_other(own):
    first = own.come(0)
    assert first.subscribe(own.base, qos=2) == [2]
    own.publish(b"one", b"two", qos=2)
    one = first.next()
    first.send(mqtt.acknowledgement(mqtt.PUBREC, one.identifier))
    assert first.passing(mqtt.PUBREL) == one.identifier
    # One that it was told PUBREC for, and one that it wasn't: whether that is stored isn't known.
    publisher = own.come(0, "publisher of QoS 2", own.other)
    for identifier in (1, 2):
        publisher.send(mqtt.publish(own.base, b"%d" % identifier, 2, identifier, version=5))
    assert [publisher.packet().kind for _ in range(2)] == [mqtt.PUBREC] * 2
    own.adapter(0).kill()

    second = own.come(1)
    assert second.is_present
    assert second.packet().kind == mqtt.PUBREL
    second.send(mqtt.acknowledgement(mqtt.PUBCOMP, one.identifier))
    again = own.come(1, "publisher of QoS 2", own.other)
    assert again.is_present
    for identifier in (1, 2, 3):
        again.send(mqtt.publish(own.base, b"%d" % identifier, 2, identifier, duplicate=identifier < 3, version=5))
    assert [again.packet().kind for _ in range(3)] == [mqtt.PUBREC] * 3
    assert second.take(4) == [b"two", b"1", b"2", b"3"] and second.hears_nothing()


def test_one_that_was_taken_for_dead_changes_nothing(own):
    first = own.come(0)
    assert first.subscribe(own.base, qos=1) == [1]
    own.adapter(0).process.send_signal(signal.SIGSTOP)
    try:
        second = own.come(1, timeout=20)
        assert second.is_present
        own.publish(b"one", qos=1)
        assert second.take(1) == [b"one"]
    finally:
        own.adapter(0).process.send_signal(signal.SIGCONT)
    with pytest.raises(Ended):
        first.send(mqtt.subscribe(topic(own.channel, "b"), identifier=9, version=5))
        while True:
            received = first.packet()
            assert received.kind in (mqtt.DISCONNECT, mqtt.PUBLISH), received
    own.publish(b"two", qos=1)
    assert second.take(1) == [b"two"] and second.hears_nothing()


def test_what_waits_outlives_nats(own):
    client = own.come(0)
    assert client.subscribe(own.base, qos=1) == [1]
    client.leave()
    own.publish(b"one")
    own.programs.nats.kill()
    own.programs.nats.start()
    for each in own.programs.adapters["mqtt-adapter"]:
        each.await_ready()
    own.publish(b"two")
    again = own.come(1)
    assert again.is_present and again.take(2) == [b"one", b"two"]
    own.programs.nats.kill()
    # While nobody can say whether it is there it isn't said that it is not.
    refused = own.come(0, "other", timeout=20)
    assert refused.code == 0x88
    own.programs.nats.start()
    for each in own.programs.adapters["mqtt-adapter"]:
        each.await_ready()
    own.publish(b"three")
    while (message := again.next()).payload != b"three":
        pass
    assert struct.pack(">H", message.identifier) != b"\0\0"
