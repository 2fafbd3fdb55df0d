"""MQTT as a protocol: who is let in, acknowledgements, sessions, wills, keep-alive, take-over."""

import struct
import time

import paho.mqtt.client as paho
import pytest

from support import raw_mqtt as mqtt
from support.api import publish_http
from support.listeners import PahoClient, topic
from support.raw_mqtt import RawMQTT

BAD_CREDENTIALS = {4: {4, 5}, 5: {0x86, 0x87}}


@pytest.fixture
def pair(alice):
    return alice.pair()


@pytest.fixture
def raw(server, closing):
    def connected(thing, client: str = "", version: int = 4, **more) -> RawMQTT:
        connection = RawMQTT(closing(server.connect("mqtt")), version)
        return connection.connect(client, thing.id, thing.key, **more)

    return connected


@pytest.mark.parametrize("version", [4, 5])
class TestLettingIn:
    def _code(self, server, version: int, *credentials: str | None, **more) -> int:
        with RawMQTT(server.connect("mqtt"), version) as client:
            answer = client.send(mqtt.connect("", *credentials, version=version, **more)).packet()
            assert answer.kind == mqtt.CONNACK and answer.body[0] == 0
            if answer.body[1]:
                assert client.packets_until_closed() == []
            return answer.body[1]

    def test_the_key_is_the_password(self, server, pair, version):
        assert self._code(server, version, pair[1].id, pair[1].key) == 0

    def test_the_thing_id_may_be_in_capitals(self, server, pair, version):
        assert self._code(server, version, pair[1].id.upper(), pair[1].key) == 0

    def test_an_empty_username_is_none(self, server, pair, version):
        assert self._code(server, version, "", pair[1].key) == 0

    @pytest.mark.parametrize(
        "which", ["unknown key", "another thing's id", "no UUID", "no password", "nothing", "empty key"]
    )
    def test_everything_else_is_refused(self, server, pair, version, which):
        _, thing, other = pair
        credentials = {
            "unknown key": (thing.id, "no-such-key"),
            "another thing's id": (other.id, thing.key),
            "no UUID": ("nonsense", thing.key),
            "no password": (thing.id, None),
            "nothing": (None, None),
            "empty key": (thing.id, ""),
        }[which]
        with server.counts_a_refusal("mqtt"):
            assert self._code(server, version, *credentials) in BAD_CREDENTIALS[version]


@pytest.mark.parametrize("version", [4, 5])
class TestPublishing:
    def test_qos_1_is_acknowledged(self, pair, raw, version):
        client = raw(pair[1], version=version)
        answer = client.send(mqtt.publish(topic(pair[0]), b"a", 1, 0xFFFF, version=version)).packet()
        assert (answer.kind, answer.body[:2]) == (mqtt.PUBACK, b"\xff\xff")

    def test_a_resent_qos_2_publish_is_delivered_once(self, pair, raw, version):
        sender, listener = raw(pair[1], version=version), raw(pair[2], version=version)
        listener.subscribe(topic(pair[0]))
        for duplicate in (False, True):
            sender.send(mqtt.publish(topic(pair[0]), b"once", 2, 7, duplicate=duplicate, version=version))
            assert sender.packet().kind == mqtt.PUBREC
        for _ in range(2):
            sender.send(mqtt.acknowledgement(mqtt.PUBREL, 7))
            assert sender.packet().kind == mqtt.PUBCOMP
        sender.send(mqtt.publish(topic(pair[0]), b"end", version=version))

        assert [listener.message()[1], listener.message()[1]] == [b"once", b"end"]

    def test_unsubscribing_ends_delivery(self, server, pair, raw, version):
        listener = raw(pair[2], version=version)
        listener.subscribe(topic(pair[0]), topic(pair[0], "a"))
        listener.send(mqtt.unsubscribe(topic(pair[0]), "channels/never/subscribed", version=version))
        assert listener.packet().kind == mqtt.UNSUBACK

        assert publish_http(server, pair[0], pair[1].key, b"base") == 202
        assert publish_http(server, pair[0], pair[1].key, b"below", "a") == 202

        assert listener.message()[1] == b"below"

    def test_qos_is_the_lower_of_publisher_and_subscriber(self, pair, raw, version):
        sender = raw(pair[1], version=version)
        for granted in (0, 1, 2):
            listener = raw(pair[2], version=version)
            assert listener.subscribe(topic(pair[0]), qos=granted) == [granted]
            for sent in (0, 1, 2):
                sender.send(mqtt.publish(topic(pair[0]), b"", sent, 1 + sent if sent else None, version=version))
                delivered = listener.packet()
                assert delivered.flags >> 1 & 3 == min(sent, granted)
                kind = {1: mqtt.PUBACK, 2: mqtt.PUBREC}.get(min(sent, granted))
                if kind:
                    listener.send(mqtt.acknowledgement(kind, *struct.unpack(">H", _identifier(delivered))))
                if kind == mqtt.PUBREC:
                    assert listener.packet().kind == mqtt.PUBREL
                    listener.send(mqtt.acknowledgement(mqtt.PUBCOMP, *struct.unpack(">H", _identifier(delivered))))
                if sent:
                    assert sender.packet().kind == {1: mqtt.PUBACK, 2: mqtt.PUBREC}[sent]
                if sent == 2:
                    sender.send(mqtt.acknowledgement(mqtt.PUBREL, 3))
                    assert sender.packet().kind == mqtt.PUBCOMP
            listener.send(mqtt.packet(mqtt.DISCONNECT))


def _identifier(packet: mqtt.Packet) -> bytes:
    (size,) = struct.unpack(">H", packet.body[:2])
    return packet.body[2 + size : 4 + size]


def test_no_local_of_mqtt_5_keeps_own_messages_away(server, pair, raw):
    client = raw(pair[1], version=5)
    client.send(mqtt.subscribe(topic(pair[0]), options=0x04, version=5))
    assert client.packet().kind == mqtt.SUBACK
    client.send(mqtt.publish(topic(pair[0]), b"mine", 1, version=5))
    assert client.packet().kind == mqtt.PUBACK

    assert publish_http(server, pair[0], pair[2].key, b"theirs") == 202

    assert client.message()[1] == b"theirs"


class TestWills:
    def test_a_lost_connection_publishes_the_will(self, server, pair, closing):
        channel, thing, other = pair
        listener = closing(PahoClient(server, other, topic(channel, "#")))
        for version in (4, 5):
            with RawMQTT(server.connect("mqtt"), version) as dying:
                dying.connect("dying", thing.id, thing.key, will=(topic(channel, "gone"), b"will"), flags=0xC6 | 0x08)
            message = listener.next_message()
            assert (message.topic, message.payload) == (topic(channel, "gone"), b"will")

    def test_a_proper_goodbye_does_not(self, server, pair, closing):
        channel, thing, other = pair
        listener = closing(PahoClient(server, other, topic(channel, "#")))
        with RawMQTT(server.connect("mqtt")) as leaving:
            leaving.connect("leaving", thing.id, thing.key, will=(topic(channel, "gone"), b"will"))
            assert leaving.send(mqtt.packet(mqtt.DISCONNECT)).packets_until_closed() == []

        assert publish_http(server, channel, thing.key, b"end") == 202
        assert listener.next() == b"end"

    def test_a_will_for_a_channel_of_others_is_not_delivered(self, server, pair, mallory, closing):
        channel, thing, other = pair
        listener = closing(PahoClient(server, other, topic(channel, "#")))
        stranger = mallory.thing()
        with RawMQTT(server.connect("mqtt")) as dying:
            dying.send(mqtt.connect("dying", stranger.id, stranger.key, will=(topic(channel), b"will")))
            dying.packet()

        assert publish_http(server, channel, thing.key, b"end") == 202
        assert listener.next() == b"end"


class TestKeepAlive:
    def test_silence_for_one_and_a_half_times_the_keep_alive_ends_the_connection(self, server, pair, closing):
        channel, thing, other = pair
        listener = closing(PahoClient(server, other, topic(channel)))
        with RawMQTT(server.connect("mqtt")) as silent:
            started = time.monotonic()
            silent.connect("silent", thing.id, thing.key, keep_alive=1, will=(topic(channel), b"will"))
            assert silent.packets_until_closed() == []
            assert 1.3 < time.monotonic() - started < 4
        assert listener.next() == b"will"

    def test_pings_keep_it(self, pair, raw):
        client = raw(pair[1], keep_alive=1)
        client.socket.settimeout(0.5)
        ends = time.monotonic() + 3
        while time.monotonic() < ends:
            assert client.is_alive()
            with pytest.raises(TimeoutError):
                client.packet()

    def test_a_connection_without_connect_is_ended(self, start_server):
        own = start_server(MF_MQTT_ADAPTER_CONNECT_TIMEOUT="1s")
        for beginning in (b"", mqtt.connect("half")[:9]):
            with RawMQTT(own.connect("mqtt")) as silent:
                assert silent.send(beginning).packets_until_closed() == []


class TestTakeOver:
    @pytest.mark.parametrize("version", [4, 5])
    def test_the_same_client_id_of_the_same_thing_ends_the_older_connection(self, pair, raw, version):
        older = raw(pair[1], "clone", version)
        newer = raw(pair[1], "clone", version)

        last = older.packets_until_closed()

        assert [(each.kind, each.body[0]) for each in last] == ([(mqtt.DISCONNECT, 0x8E)] if version == 5 else [])
        assert newer.is_alive()

    def test_the_same_client_id_of_another_thing_is_another_client(self, pair, raw, mallory):
        connections = [raw(thing, "clone") for thing in (pair[1], pair[2], mallory.thing())]

        assert all(each.is_alive() for each in connections)

    def test_connections_without_a_client_id_do_not_take_over_each_other(self, pair, raw):
        connections = [raw(pair[1]) for _ in range(3)]

        assert all(each.is_alive() for each in connections)


def test_a_client_that_leaves_much_unacknowledged_gets_the_rest_later(server, pair, raw):
    listener = raw(pair[2])
    listener.subscribe(topic(pair[0]), qos=1)
    sender = PahoClient(server, pair[1])
    for number in range(500):
        sender.client.publish(topic(pair[0]), str(number), 1)
    sender.publish(topic(pair[0]), b"end", 1)
    sender.close()

    received = []
    while (payload := listener.message()[1]) != b"end":
        received.append(int(payload))
    assert received == list(range(500))


@pytest.mark.parametrize("version", [0, 3, 6, 255])
def test_another_protocol_version_is_refused_with_the_code_that_says_so(server, pair, version):
    with RawMQTT(server.connect("mqtt")) as client:
        answers = client.send(mqtt.connect("c", pair[1].id, pair[1].key, version)).packets_until_closed()
        assert [(each.kind, each.body[1] in (0x01, 0x84)) for each in answers] == [(mqtt.CONNACK, True)]


def test_paho_of_both_versions_is_let_in_over_both_transports(server, pair, closing):
    for version in (paho.MQTTv311, paho.MQTTv5):
        for transport in ("tcp", "websockets"):
            closing(PahoClient(server, pair[1], topic(pair[0]), version=version, transport=transport))
