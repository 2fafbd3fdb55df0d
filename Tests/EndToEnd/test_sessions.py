"""Sessions that outlive their connections: what is published meanwhile waits, and exchanges go on where they stood."""

import struct
import time

import pytest

from support import raw_mqtt as mqtt
from support.api import Account, publish_http
from support.engines import NATS
from support.listeners import topic
from support.programs import Alternating, SeparatePrograms
from support.server import Server
from support.sessions import Returning, come_back_to_too_much


@pytest.fixture(scope="module", params=["memory", "disk", "separate programs"])
def platform(program, request, tmp_path_factory):
    if request.param == "separate programs":
        programs = SeparatePrograms(
            tmp_path_factory.mktemp("sessions"), nats=NATS(jetstream=True), MF_MESSAGE_DURABILITY="disk"
        )
        with programs.running() as running:
            yield Alternating(running)
        return
    running = Server(tmp_path_factory.mktemp("sessions"), MF_MESSAGE_DURABILITY=request.param).start()
    yield running
    running.check()
    assert running.stop() == 0, running.log()[-4000:]


@pytest.fixture(params=[4, 5], ids=["3.1.1", "5"])
def version(request):
    return request.param


class World:
    """A listener with a session, a publisher, and their channel."""

    def __init__(self, server, version=4):
        self.server, self.version = server, version
        self.account = Account(server)
        self.channel, self.thing, self.other = self.account.pair()
        self.base = topic(self.channel)
        self.identifier = 0
        self.connect_publisher()

    def connect_publisher(self):
        self.publisher = Returning(self.server, self.other, "publisher", clean=True)

    def publish(self, payload, qos=1, levels=()):
        self.identifier += 1
        self.publisher.publish(topic(self.channel, *levels), payload, qos, self.identifier)

    def come(self, **options) -> Returning:
        return Returning(self.server, self.thing, "listener", **{"version": self.version, **options})

    def subscribed(self, qos=2, levels=("#",), **options) -> Returning:
        client = self.come(**options)
        assert client.subscribe(topic(self.channel, *levels), qos=qos) == [qos]
        return client


@pytest.fixture
def world(platform, version):
    return World(platform, version)


def test_what_is_published_while_a_client_is_away_waits_for_it_in_order(world):
    first = world.subscribed()
    assert not first.is_present
    first.leave()
    by_http, by_mqtt = [], []
    for number in range(150):
        payload = b"%d" % number
        match number % 4:
            case 0:
                assert publish_http(world.server, world.channel, world.other.key, payload, "a/b") == 202
                by_http.append(payload)
            case 1 | 2 as qos:
                world.publish(payload, qos, ("c",) if qos == 1 else ())
                by_mqtt.append(payload)
            case 3:
                world.publish(payload, 0)
    again = world.come()
    assert again.is_present
    heard = again.take(len(by_http) + len(by_mqtt))
    # One publisher's messages are in order.
    assert [each for each in heard if each in by_http] == by_http
    assert [each for each in heard if each in by_mqtt] == by_mqtt
    # And then what comes live, of every QoS.
    for qos in (0, 1, 2):
        world.publish(b"live %d" % qos, qos)
        assert again.take(1) == [b"live %d" % qos]
    assert again.hears_nothing()
    again.leave()


def test_more_than_fits_into_the_window_waits_in_the_log(world):
    world.subscribed(qos=1).leave()
    for number in range(1_000):
        world.publisher.send(mqtt.publish(world.base, b"%d" % number, 1, number + 1))
    for _ in range(1_000):
        assert world.publisher.packet().kind == mqtt.PUBACK
    again = world.come()
    half = again.take(500)
    world.publish(b"new")
    assert half + again.take(501) == [b"%d" % number for number in range(1_000)] + [b"new"]


def test_a_clean_start_forgets_and_so_does_an_expiry_of_zero(world):
    world.subscribed().leave()
    world.publish(b"lost")
    fresh = world.come(clean=True)
    assert not fresh.is_present and fresh.hears_nothing()
    fresh.leave()
    # In 3.1.1 a clean session ends with its connection; in 5 that is the expiry's business.
    assert world.come().is_present == (world.version == 5)


def test_what_is_in_flight_is_sent_again(world):
    client = world.subscribed()
    for number, qos in enumerate((1, 2, 2, 1)):
        world.publish(b"%d" % number, qos)
    first, second, third, fourth = (client.next() for _ in range(4))
    client.acknowledge(first)
    client.send(mqtt.acknowledgement(mqtt.PUBREC, second.identifier))
    assert client.packet().kind == mqtt.PUBREL
    client.socket.close()

    again = world.come()
    assert again.is_present
    release = again.packet()
    assert (release.kind, struct.unpack(">H", release.body[:2])[0]) == (mqtt.PUBREL, second.identifier)
    again.send(mqtt.acknowledgement(mqtt.PUBCOMP, second.identifier))
    for before in (third, fourth):
        message = again.next()
        assert (message.payload, message.qos, message.identifier) == (before.payload, before.qos, before.identifier)
        assert message.dup
        again.acknowledge(message)
    world.publish(b"new", 2)
    message = again.next()
    assert not message.dup and message.payload == b"new"


def test_a_message_of_the_client_is_routed_once_across_a_reconnect(world):
    listener = Returning(world.server, world.other, "hears", clean=True, expiry=0)
    assert listener.subscribe(world.base, qos=2) == [2]
    client = world.come()
    client.send(mqtt.publish(world.base, b"once", 2, 7, version=world.version))
    assert client.packet().kind == mqtt.PUBREC
    client.socket.close()
    again = world.come()
    again.send(mqtt.publish(world.base, b"once", 2, 7, duplicate=True, version=world.version))
    assert again.packet().kind == mqtt.PUBREC
    again.send(mqtt.acknowledgement(mqtt.PUBREL, 7))
    assert again.packet().kind == mqtt.PUBCOMP
    again.publish(world.base, b"next", 2, 7)
    assert listener.take(2) == [b"once", b"next"]


def test_unsubscribing_is_remembered_and_so_is_every_filter(world):
    client = world.come()
    assert client.subscribe(topic(world.channel, "a"), topic(world.channel, "b"), qos=1) == [1, 1]
    client.send(mqtt.unsubscribe(topic(world.channel, "a"), version=world.version))
    assert client.packet().kind == mqtt.UNSUBACK
    client.leave()
    world.publish(b"a", 1, ("a",))
    world.publish(b"b", 1, ("b",))
    again = world.come()
    assert again.take(1) == [b"b"] and again.hears_nothing()
    # Granted anew, for what comes from now on.
    assert again.subscribe(topic(world.channel, "a"), qos=1) == [1]
    assert again.hears_nothing()
    world.publish(b"a again", 1, ("a",))
    assert again.take(1) == [b"a again"]


def test_the_next_connection_takes_the_session_over_with_what_is_in_flight(world):
    client = world.subscribed(qos=1)
    world.publish(b"one")
    message = client.next()
    again = world.come()
    ended = client.packets_until_closed()
    if world.version == 5:
        assert [(each.kind, each.body[0]) for each in ended] == [(mqtt.DISCONNECT, 0x8E)]
    assert again.is_present
    repeated = again.next()
    assert (repeated.payload, repeated.identifier, repeated.dup) == (b"one", message.identifier, True)


def test_many_come_and_go_while_messages_are_published(world):
    """Nothing is lost and nothing comes twice, though the client goes in the middle of everything."""
    world.subscribed(qos=2).leave()
    heard, published = [], 0
    for visit in range(12):
        client = world.come()
        assert client.is_present
        for _ in range(20):
            world.publish(b"%d" % published, 2)
            published += 1
        heard += client.take(15)
        client.leave() if visit % 2 else client.socket.close()
    last = world.come()
    heard += last.take(published - len(heard))
    assert heard == [b"%d" % number for number in range(published)]


def test_a_session_belongs_to_its_thing(world):
    world.subscribed(qos=1).leave()
    stranger = Returning(world.server, world.other, "listener", version=world.version)
    assert not stranger.is_present
    stranger.leave()
    world.publish(b"mine")
    assert world.come().take(1) == [b"mine"]


def test_a_session_loses_what_its_thing_may_no_longer_have(world):
    other = world.account.channel()
    world.account.connect(other, world.thing, world.other)
    client = world.subscribed(qos=1)
    assert client.subscribe(topic(other), qos=1) == [1]
    client.leave()
    world.publish(b"before")
    world.account.disconnect(world.channel, world.thing)
    world.account.connect(world.channel, world.thing)
    world.publish(b"after")
    assert publish_http(world.server, other, world.other.key, b"other") == 202
    again = world.come()
    assert again.is_present and again.take(1) == [b"other"] and again.hears_nothing()


def test_a_live_connection_that_is_cut_loses_the_subscription_and_keeps_the_session(world):
    client = world.subscribed(qos=1)
    world.account.disconnect(world.channel, world.thing)
    client.packets_until_closed()
    world.account.connect(world.channel, world.thing)
    world.publish(b"after")
    again = world.come()
    assert again.is_present and again.hears_nothing()


def test_a_removed_channel_is_gone_from_the_session(world):
    world.subscribed(qos=1).leave()
    world.account.remove_channel(world.channel)
    again = world.come()
    assert again.is_present and again.hears_nothing()


def test_a_new_key_leaves_the_session_as_it_is(world):
    world.subscribed(qos=1).leave()
    world.publish(b"one")
    world.thing = world.account.change_key(world.thing, f"key-{world.thing.id}")
    assert world.come().take(1) == [b"one"]


def test_messages_too_old_arent_delivered(platform):
    world = World(platform, 5)
    world.subscribed(qos=1).leave()
    publisher = Returning(platform, world.other, "expiring", version=5, clean=True, expiry=0)
    for seconds, payload in ((1, b"short"), (60, b"long")):
        properties = b"\x02" + struct.pack(">I", seconds)
        publisher.send(mqtt.publish(world.base, payload, 1, 1, version=5, properties=properties))
        assert publisher.packet().kind == mqtt.PUBACK
    time.sleep(1.2)
    again = world.come()
    message = again.next()
    assert message.payload == b"long" and 50 < struct.unpack(">I", message.properties[1:5])[0] < 60
    again.acknowledge(message)
    assert again.hears_nothing()


def test_a_session_ends_when_its_time_is_over(platform):
    world = World(platform, 5)
    world.subscribed(expiry=1).leave()
    world.subscribed(expiry=60).leave()
    time.sleep(1.5)
    # The second connection gave it another minute.
    assert world.come(expiry=1).is_present
    client = world.come(expiry=1)
    client.leave()
    time.sleep(1.5)
    assert not world.come(expiry=0).is_present


def test_disconnect_may_end_the_session_or_shorten_its_life(platform):
    world = World(platform, 5)
    client = world.subscribed()
    client.send(mqtt.packet(mqtt.DISCONNECT, b"\x00\x05\x11" + struct.pack(">I", 0)))
    client.packets_until_closed()
    assert not world.come().is_present


def test_a_longer_life_than_the_server_grants_is_told(platform):
    world = World(platform, 5)
    client = world.come()
    assert b"\x11" + struct.pack(">I", 168 * 3_600) in client.connack.body
    client.leave()


def test_receive_maximum_bounds_what_is_sent_again(platform):
    world = World(platform, 5)
    client = world.subscribed(qos=1)
    for number in range(10):
        world.publish(b"%d" % number)
    before = [client.next() for _ in range(10)]
    client.socket.close()
    again = world.come(receive_maximum=2)
    first, second = again.next(), again.next()
    assert again.hears_nothing()
    for message in (first, second):
        again.acknowledge(message)
    rest = []
    for _ in range(8):
        message = again.next()
        again.acknowledge(message)
        rest.append(message)
    assert [each.identifier for each in (first, second, *rest)] == [each.identifier for each in before]
    assert all(each.dup for each in (first, second, *rest))


def test_no_local_holds_for_a_session_too(platform):
    world = World(platform, 5)
    client = world.come()
    client.send(mqtt.subscribe(world.base, options=0x04 | 1, version=5))
    assert client.packet().body[-1] == 1
    client.publish(world.base, b"own", 1, 1)
    client.leave()
    world.publish(b"another's")
    again = world.come()
    again.publish(world.base, b"own", 1, 2)
    assert again.take(1) == [b"another's"] and again.hears_nothing()


def with_will(world, delay, expiry, client="dying", clean=True):
    """A client whose will waits; MQTT 5, section 3.1.3.2.2."""
    will = mqtt.text(world.base) + mqtt.text(b"gone")
    properties = b"\x11" + struct.pack(">I", expiry)
    will_properties = b"\x18" + struct.pack(">I", delay)
    body = mqtt.text(b"MQTT") + bytes([5, 0xC0 | 0x04 | (0x02 if clean else 0)]) + struct.pack(">H", 60)
    body += mqtt.number(len(properties)) + properties + mqtt.text(client)
    body += mqtt.number(len(will_properties)) + will_properties + will
    body += mqtt.text(world.other.id) + mqtt.text(world.other.key)
    connection = mqtt.RawMQTT(world.server.connect("mqtt", 10), 5)
    assert connection.send(mqtt.packet(mqtt.CONNECT, body)).packet().body[1] == 0
    return connection


@pytest.mark.parametrize("delay, expiry, seconds", [(1, 60, 1), (60, 1, 1), (60, 0, 0), (0, 60, 0)])
def test_a_will_waits_for_its_client_but_no_longer_than_its_session(platform, delay, expiry, seconds):
    world = World(platform, 5)
    listener = world.subscribed(qos=1, clean=True, expiry=0)
    dying = with_will(world, delay, expiry)
    began = time.monotonic()
    dying.socket.close()
    assert listener.take(1) == [b"gone"]
    assert seconds - 0.1 <= time.monotonic() - began < seconds + 1


def test_a_client_that_comes_back_in_time_takes_its_will_with_it(platform):
    world = World(platform, 5)
    listener = world.subscribed(qos=1, clean=True, expiry=0)
    with_will(world, 1, 60).socket.close()
    time.sleep(0.3)
    again = Returning(platform, world.other, "dying", version=5)
    assert again.is_present
    time.sleep(1.2)
    assert listener.hears_nothing()
    # A clean start ends the session, and the will is due.
    with_will(world, 60, 60).socket.close()
    time.sleep(0.3)
    assert listener.hears_nothing()
    Returning(platform, world.other, "dying", version=5, clean=True, expiry=0)
    assert listener.take(1) == [b"gone"]


@pytest.mark.parametrize("durability", ["memory", "disk"])
def test_sessions_outlive_the_server(program, tmp_path, durability):
    server = Server(tmp_path, MF_MESSAGE_DURABILITY=durability).start()
    try:
        world = World(server)
        client = world.subscribed()
        world.publish(b"one", 2)
        world.publish(b"two", 1)
        first, second = client.next(), client.next()
        assert server.stop() == 0
        server.start()
        again = world.come()
        assert again.is_present
        repeated = [again.next(), again.next()]
        assert [(each.payload, each.identifier, each.dup) for each in repeated] == [
            (each.payload, each.identifier, True) for each in (first, second)
        ]
        server.check()
    finally:
        server.kill()


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_what_waits_for_a_group_outlives_the_server(program, tmp_path, end):
    server = Server(tmp_path, MF_MESSAGE_DURABILITY="disk").start()
    try:
        world = World(server, 5)
        client = world.come()
        assert client.subscribe(f"$share/group/{world.base}", qos=1) == [1]
        world.publish(b"done", 1)
        assert client.take(1) == [b"done"] and client.hears_nothing()
        client.leave()
        for number in range(20):
            world.publish(b"%d" % number, number % 2)
        assert publish_http(server, world.channel, world.other.key, b"last") == 202
        getattr(server, end)()
        server.start()
        again = world.come()
        assert again.is_present
        assert again.take(21) == [b"%d" % number for number in range(20)] + [b"last"]
        assert again.hears_nothing()
        server.check()
    finally:
        server.kill()


def test_killed_and_started_again_it_loses_nothing_and_nothing_of_qos_2_comes_twice(program, tmp_path):
    server = Server(tmp_path, MF_MESSAGE_DURABILITY="disk").start()
    try:
        world = World(server)
        world.subscribed(qos=2).leave()
        published, heard = 0, []
        for _ in range(8):
            world.connect_publisher()
            client = world.come()
            assert client.is_present
            for _ in range(30):
                world.publish(b"%d" % published, 2)
                published += 1
            heard += client.take(20)
            server.kill()
            server.start()
        last = world.come()
        heard += last.take(published - len(heard))
        assert heard == [b"%d" % number for number in range(published)]
        assert last.hears_nothing()
        server.check()
    finally:
        server.kill()


def test_a_thing_has_only_so_many_sessions(program, tmp_path):
    server = Server(tmp_path, MF_MQTT_ADAPTER_MAX_SESSIONS="2").start()
    try:
        world = World(server, 5)
        for name in ("a", "b"):
            Returning(server, world.thing, name, version=5).leave()
        refused = Returning(server, world.thing, "c", version=5)
        assert refused.code == 0x97
        # Without a session it may come, and when there is one less.
        assert Returning(server, world.thing, "c", version=5, clean=True, expiry=0).code == 0
        Returning(server, world.thing, "a", version=5, clean=True, expiry=0).leave()
        assert Returning(server, world.thing, "c", version=5).code == 0
        server.check()
    finally:
        server.kill()


def test_without_them_every_session_ends_with_its_connection(program, tmp_path):
    server = Server(tmp_path, MF_MQTT_ADAPTER_MAX_SESSION_EXPIRY="off").start()
    try:
        world = World(server, 5)
        client = world.subscribed()
        assert b"\x11" + struct.pack(">I", 0) in client.connack.body
        client.leave()
        assert not world.come().is_present
        server.check()
    finally:
        server.kill()


@pytest.mark.parametrize("version", [4, 5])
@pytest.mark.parametrize("variable, most", [("MESSAGES", "70"), ("BYTES", "9500")])
def test_more_than_may_wait_for_a_session_is_dropped(program, tmp_path, version, variable, most):
    server = Server(tmp_path, MF_MESSAGE_DURABILITY="disk", **{f"MF_MQTT_MAX_QUEUED_{variable}": most}).start()
    try:
        world = World(server, version)

        def publish(*payloads):
            for payload in payloads:
                world.publish(payload)

        come_back_to_too_much(world.come(), world.come, world.base, publish)
        assert server.metrics()['fluxgate_messages_dropped_total{protocol="mqtt"}'] >= 300 - 70 - 64 - 64
        assert server.stop() == 0
    finally:
        server.kill()
