"""Who may do what: tenants apart, and rights that are taken away end what is live."""

import uuid

import pytest

from support import raw_mqtt as mqtt
from support.api import Account, accepted_until_refused, assert_refused, publish_http
from support.listeners import PahoClient, WebSocketClient, received_until, topic
from support.programs import ONE_PROGRAM, SEPARATE_PROGRAMS
from support.raw_mqtt import RawMQTT
from support.raw_ws import RawWS

PLATFORMS = [ONE_PROGRAM, SEPARATE_PROGRAMS]


@pytest.fixture
def pair(alice):
    return alice.pair()


@pytest.fixture
def open_all(server, closing):
    """A thing's live connections: MQTT 3.1.1 and 5, and WebSocket, all listening to the channel."""

    def opened(channel, thing):
        old, new = (RawMQTT(closing(server.connect("mqtt")), version) for version in (4, 5))
        for each in (old, new):
            each.connect(uuid.uuid4().hex[:20], thing.id, thing.key)
            assert each.subscribe(topic(channel, "#")) == [0]
        socket = RawWS(closing(server.connect("ws")), f"/channels/{channel}/messages", f"Authorization: {thing.key}")
        assert socket.answer.status == 101
        return old, new, socket

    return opened


def _assert_cut(connections) -> None:
    """3.1.1 has no words for it; MQTT 5 says 0x87, WebSocket 1008."""
    old, new, socket = connections
    assert [each for each in old.packets_until_closed() if each.kind != mqtt.PUBLISH] == []
    said = [each for each in new.packets_until_closed() if each.kind != mqtt.PUBLISH]
    assert [(each.kind, each.body[0]) for each in said] == [(mqtt.DISCONNECT, 0x87)]
    assert socket.close_code() == 1008


def _assert_alive(connections, server, channel, key) -> None:
    old, new, socket = connections
    word = uuid.uuid4().bytes
    assert publish_http(server, channel, key, word) == 202
    assert old.message()[1] == new.message()[1] == socket.data() == word


class TestAnotherTenant:
    def test_cannot_publish(self, server, pair, mallory, closing):
        channel, thing, other = pair
        stranger = mallory.thing()
        listener = closing(PahoClient(server, other, topic(channel, "#")))

        assert publish_http(server, channel, stranger.key, b"http") == 403
        for qos in (0, 1, 2):
            with RawMQTT(server.connect("mqtt")) as client:
                client.connect("s", stranger.id, stranger.key).send(mqtt.publish(topic(channel), b"mqtt", qos))
                assert client.packets_until_closed() == []

        assert publish_http(server, channel, thing.key, b"end") == 202
        assert listener.next() == b"end"

    def test_is_told_so_by_mqtt_5_and_stays_connected(self, server, pair, mallory, closing):
        channel, thing, other = pair
        stranger = mallory.thing()
        listener = closing(PahoClient(server, other, topic(channel, "#")))
        with RawMQTT(server.connect("mqtt"), 5) as client:
            client.connect("s", stranger.id, stranger.key)
            answer = client.send(mqtt.publish(topic(channel), b"q1", 1, version=5)).packet()
            assert (answer.kind, answer.body[2]) == (mqtt.PUBACK, 0x87)
            answer = client.send(mqtt.publish(topic(channel), b"q2", 2, version=5)).packet()
            assert (answer.kind, answer.body[2]) == (mqtt.PUBREC, 0x87)
            with server.counts_a_refusal("mqtt"):
                client.send(mqtt.publish(topic(channel), b"q0", version=5))
            assert client.is_alive()

        assert publish_http(server, channel, thing.key, b"end") == 202
        assert listener.next() == b"end"

    @pytest.mark.parametrize("version, code", [(4, 0x80), (5, 0x87)])
    def test_cannot_listen(self, server, pair, mallory, version, code):
        channel, thing, _ = pair
        own_channel, stranger, _ = mallory.pair()
        with RawMQTT(server.connect("mqtt"), version) as client:
            client.connect("s", stranger.id, stranger.key)
            shared = f"$share/g/{topic(channel)}"
            wanted = (topic(channel), topic(channel, "#"), shared, topic(own_channel))
            assert client.subscribe(*wanted) == [code, code, code, 0], "each filter is judged for itself"
            assert publish_http(server, channel, thing.key, b"secret") == 202
            assert publish_http(server, own_channel, stranger.key, b"own") == 202
            assert client.message() == (topic(own_channel), b"own")
        with RawHandshake(server, channel, stranger.key) as answer:
            assert answer.status == 403

    @pytest.mark.parametrize(
        "filter",
        [
            "#",
            "+",
            "/#",
            "channels/#",
            "channels/+/messages",
            "channels/+/messages/#",
            "+/{}/messages",
            "channels/{}/#",
            "channels/{}/+",
            "$SYS/#",
            "$share/g/channels/+/messages",
            "$share/channels/{}/messages",
            "channels/{}",
            "channels/{}/messages#",
            "x/{}/messages",
            "Channels/{}/messages",
        ],
    )
    @pytest.mark.parametrize("version", [4, 5])
    def test_no_filter_reaches_beyond_a_channel(self, server, pair, filter, version):
        channel, thing, _ = pair
        with RawMQTT(server.connect("mqtt"), version) as client:
            client.connect("f", thing.id, thing.key)
            assert client.subscribe(filter.format(channel))[0] >= 0x80


class RawHandshake:
    def __init__(self, server, channel, key):
        self.socket = RawWS(server.connect("ws"), f"/channels/{channel}/messages", f"Authorization: {key}")

    def __enter__(self):
        return self.socket.answer

    def __exit__(self, *_):
        self.socket.socket.close()


class TestCuts:
    def test_removing_a_thing_ends_its_connections_and_no_others(self, server, alice, pair, open_all):
        channel, thing, other = pair
        mine, theirs = open_all(channel, thing), open_all(channel, other)

        alice.remove_thing(thing)

        _assert_cut(mine)
        _assert_alive(theirs, server, channel, other.key)
        assert_refused(server, channel, thing)

    def test_changing_a_key_ends_the_connections_of_the_old_one(self, server, alice, pair, open_all):
        channel, thing, other = pair
        mine, theirs = open_all(channel, thing), open_all(channel, other)

        changed = alice.change_key(thing, uuid.uuid4().hex)

        _assert_cut(mine)
        _assert_alive(theirs, server, channel, other.key)
        assert_refused(server, channel, thing)
        _assert_alive(open_all(channel, changed), server, channel, changed.key)

    @pytest.mark.parametrize("bulk", [False, True])
    def test_disconnecting_a_thing_ends_its_connections_to_the_channel(self, server, alice, pair, open_all, bulk):
        channel, thing, other = pair
        second = alice.channel()
        alice.connect(second, thing, other)
        mine, elsewhere, theirs = open_all(channel, thing), open_all(second, thing), open_all(channel, other)

        if bulk:
            body = {"channel_ids": [channel], "thing_ids": [thing.id]}
            alice.call("things", "PUT", "/disconnect", json=body, expect=200)
        else:
            alice.disconnect(channel, thing)

        _assert_cut(mine)
        _assert_alive(elsewhere, server, second, thing.key)
        _assert_alive(theirs, server, channel, other.key)
        assert_refused(server, channel, thing)

    def test_removing_a_channel_ends_the_connections_to_it(self, server, alice, pair, open_all):
        channel, thing, other = pair
        second = alice.channel()
        alice.connect(second, thing)
        both, elsewhere = [open_all(channel, each) for each in (thing, other)], open_all(second, thing)

        alice.remove_channel(channel)

        for each in both:
            _assert_cut(each)
        _assert_alive(elsewhere, server, second, thing.key)
        assert_refused(server, channel, thing)

    def test_removing_an_account_ends_all_of_its_connections(self, server, pair, open_all):
        leaving = Account(server)
        channel, thing, other = leaving.pair()
        theirs = [open_all(channel, each) for each in (thing, other)]
        innocent = open_all(pair[0], pair[1])

        leaving.remove()

        for each in theirs:
            _assert_cut(each)
        _assert_alive(innocent, server, pair[0], pair[1].key)
        assert_refused(server, channel, thing)

    def test_a_publisher_that_was_disconnected_is_refused_at_its_next_message(self, server, alice, pair, closing):
        channel, thing, other = pair
        listener = closing(PahoClient(server, other, topic(channel)))
        with RawMQTT(server.connect("mqtt"), 5) as client:
            client.connect("p", thing.id, thing.key)
            assert client.send(mqtt.publish(topic(channel), b"good", 1, version=5)).packet().kind == mqtt.PUBACK

            alice.disconnect(channel, thing)

            def is_refused() -> bool:
                answer = client.send(mqtt.publish(topic(channel), b"late", 1, 2, version=5)).packet()
                return answer.body[-1] == 0x87 or answer.body[2:3] == b"\x87"

            late = accepted_until_refused(server, is_refused)
        assert publish_http(server, channel, other.key, b"end") == 202
        assert received_until(listener, b"end") == [b"good", *([b"late"] * late)]

    def test_the_will_of_a_thing_that_was_cut_is_not_published(self, server, alice, pair, closing):
        channel, thing, other = pair
        listener = closing(PahoClient(server, other, topic(channel)))
        with RawMQTT(server.connect("mqtt")) as client:
            client.connect("w", thing.id, thing.key, will=(topic(channel), b"will"))

            alice.remove_thing(thing)

            client.packets_until_closed()
        assert publish_http(server, channel, other.key, b"end") == 202
        assert listener.next() == b"end"


def test_a_right_that_is_given_is_there_at_once(server, alice, closing):
    channel, thing = alice.channel(), alice.thing()
    assert publish_http(server, channel, thing.key, b"early") == 403
    for _ in range(20):
        alice.connect(channel, thing)
        assert publish_http(server, channel, thing.key, b"in time") == 202
        alice.disconnect(channel, thing)
        assert_refused(server, channel, thing)


def test_a_message_from_before_a_connection_is_not_delivered_after_it(server, alice, pair, closing):
    channel, thing, other = pair
    assert publish_http(server, channel, thing.key, b"before") == 202
    listeners = [
        closing(PahoClient(server, other, topic(channel))),
        closing(WebSocketClient(server, channel, other.key)),
    ]

    assert publish_http(server, channel, thing.key, b"after") == 202

    assert [each.next() for each in listeners] == [b"after", b"after"]
