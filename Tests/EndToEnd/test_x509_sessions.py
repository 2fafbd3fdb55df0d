"""Sessions opened by certificate: one parser decides, however the bytes come; and they are cut like any other."""

import itertools
import time
import uuid

import pytest

from support import raw_mqtt as mqtt
from support.api import Account
from support.ledger import Ledger, in_protocol
from support.listeners import topic
from support.mqtt_over_ws import FramedSocket
from support.raw_http import request
from support.raw_mqtt import RawMQTT
from support.raw_ws import RawWS
from support.tls import VERSIONS, context, secured

numbers = itertools.count(1)


@pytest.fixture(scope="module")
def account(mutual):
    return Account(mutual)


@pytest.fixture(scope="module")
def pair(account):
    return account.pair()


@pytest.fixture(scope="module")
def client(pki, pair):
    """A context of the first thing, by TLS version."""
    certificate = pki.signed(pair[1].key)
    return {version: context(pki.ca, certificate, version) for version in VERSIONS.values()}


@pytest.fixture(params=VERSIONS.values(), ids=VERSIONS.keys())
def open_tls(request, mutual, client, closing):
    """Opens a TLS connection of the first thing to the MQTT port."""
    return lambda: closing(secured(mutual, "mqtts", client[request.param]))


@pytest.fixture
def heard(mutual, pki, pair, closing):
    """What has been published on the channel since the test began."""
    certificate = context(pki.ca, pki.signed(pair[2].key))
    listener = RawMQTT(closing(secured(mutual, "mqtts", certificate))).connect(f"l{next(numbers)}")
    assert listener.subscribe(topic(pair[0], "#")) == [0]

    def until_now() -> list[bytes]:
        end = uuid.uuid4().bytes
        with RawMQTT(secured(mutual, "mqtts", certificate)) as last:
            last.connect(f"e{next(numbers)}").send(mqtt.publish(topic(pair[0]), end, 1))
            assert last.packet().kind == mqtt.PUBACK
        heard = []
        while (payload := listener.message()[1]) != end:
            heard.append(payload)
        return heard

    return until_now


def _connack(raw: RawMQTT) -> int:
    answer = raw.packet()
    assert answer.kind == mqtt.CONNACK
    return answer.body[1]


@pytest.mark.parametrize("version", [4, 5])
class TestHowTheBytesCome:
    def test_connect_may_be_split_at_every_byte(self, open_tls, pair, version):
        data = mqtt.connect("split", pair[1].id, pair[1].key, version)
        for position in range(1, len(data)):
            with RawMQTT(open_tls(), version) as raw:
                raw.send(data[:position]).send(data[position:])
                assert _connack(raw) == 0, position

    def test_every_byte_may_come_in_a_record_of_its_own(self, open_tls, pair, version, heard):
        raw = RawMQTT(open_tls(), version)
        message = mqtt.publish(topic(pair[0]), b"slow", 1, version=version)
        for byte in mqtt.connect("slow", pair[1].id, pair[1].key, version) + message:
            raw.send(bytes([byte]))
        assert _connack(raw) == 0 and raw.packet().kind == mqtt.PUBACK
        assert heard() == [b"slow"]

    def test_connect_and_what_follows_may_share_a_record(self, open_tls, pair, version, heard):
        messages = [mqtt.publish(topic(pair[0]), b"%d" % number, 1, number, version=version) for number in (1, 2)]
        raw = RawMQTT(open_tls(), version).send(mqtt.connect("one", version=version) + b"".join(messages))
        assert [_connack(raw), raw.packet().kind, raw.packet().kind] == [0, mqtt.PUBACK, mqtt.PUBACK]
        assert heard() == [b"1", b"2"]

    @pytest.mark.parametrize("length", [128, 256, 384, 512, 127, 129, 255, 257])
    def test_the_remaining_length_may_be_anything(self, open_tls, pair, version, length):
        fields = {"username": pair[1].id, "password": pair[1].key, "version": version}
        if length > 300:  # The client id, which fills up what is left, has a limit.
            fields["will"] = (topic(pair[0]), b"w" * (length - 300))
        bare = len(mqtt.connect("c" * 100, **fields)) - 3 - 100
        data = mqtt.connect("c" * (length - bare), **fields)
        assert data[1:].startswith(mqtt.number(length))

        with RawMQTT(open_tls(), version) as raw:
            assert _connack(raw.send(data)) == 0
            raw.send(mqtt.packet(mqtt.DISCONNECT)).packets_until_closed()

    @pytest.mark.parametrize("size", [*range(0x100, 0x110), 0x202, 0x30F, 0x1002])
    def test_a_field_over_255_bytes_is_read_to_its_end(self, open_tls, pair, version, size):
        """Lengths whose low byte is that of a shorter field."""
        with RawMQTT(open_tls(), version) as raw:
            raw.connect("long", pair[1].id, pair[1].key, will=(topic(pair[0]), b"w" * size))
            raw.send(mqtt.packet(mqtt.DISCONNECT)).packets_until_closed()


class TestWhatIsNoGoodBeginning:
    """A certificate alone lets nobody in: a good CONNECT must come first, and only its real fields count."""

    def _refused(self, raw: RawMQTT, data: bytes) -> None:
        said = raw.send(data).packets_until_closed()
        assert all(each.kind in (mqtt.CONNACK, mqtt.DISCONNECT) for each in said)
        assert all(each.kind != mqtt.CONNACK or each.body[1] != 0 for each in said), "let in"

    @pytest.mark.parametrize("version", [4, 5])
    @pytest.mark.parametrize("first", ["publish", "subscribe", "ping", "disconnect", "HTTP", "zeros"])
    def test_a_first_packet_that_is_no_connect_ends_the_connection(
        self, mutual, open_tls, pair, heard, first, version
    ):
        message = mqtt.publish(topic(pair[0]), b"unasked", 1, version=version)
        data = {
            "publish": message,
            "subscribe": mqtt.subscribe(topic(pair[0]), version=version),
            "ping": mqtt.packet(mqtt.PINGREQ),
            "disconnect": mqtt.packet(mqtt.DISCONNECT),
            "HTTP": request("POST", f"/channels/{pair[0]}/messages", body=b"unasked"),
            "zeros": bytes(64),
        }[first]
        ledger = Ledger(mutual)
        self._refused(RawMQTT(open_tls(), version), data + mqtt.connect("late", version=version) + message)
        ledger.expect(in_protocol("mqtt", "malformed"))
        assert heard() == []

    @pytest.mark.parametrize("version", [4, 5])
    @pytest.mark.parametrize("bits", [0x08, 0x10, 0x18, 0x20, 0x38])
    @pytest.mark.parametrize("real", ["own", "other"])
    def test_will_bits_without_a_will_are_refused_whatever_key_stands_where(
        self, mutual, open_tls, pair, heard, version, bits, real
    ):
        """To one parser the real fields hold the key, to another what is appended does."""
        own, other = pair[1], pair[2]
        first, second = (own, other) if real == "own" else (other, own)
        appended = mqtt.text(second.id) + mqtt.text(second.key)
        data = mqtt.connect("crafted", first.id, first.key, version, flags=0xC2 | bits, tail=appended)
        ledger = Ledger(mutual)
        self._refused(RawMQTT(open_tls(), version), data + mqtt.publish(topic(pair[0]), b"crafted", version=version))
        ledger.expect(in_protocol("mqtt", "malformed"))
        assert heard() == []

    @pytest.mark.parametrize("flags", [0x42, 0x40, 0x46])
    def test_a_password_without_a_user_name_is_refused_in_3_1_1(self, mutual, open_tls, pair, heard, flags):
        will = (topic(pair[0]), b"will") if flags & 4 else None
        data = mqtt.connect("crafted", None, pair[1].key, 4, flags=flags, will=will)
        ledger = Ledger(mutual)
        self._refused(RawMQTT(open_tls()), data + mqtt.publish(topic(pair[0]), b"crafted"))
        ledger.expect(in_protocol("mqtt", "malformed"))
        assert heard() == []

    def test_a_second_connect_with_another_key_is_refused(self, mutual, open_tls, pair, heard):
        raw = RawMQTT(open_tls()).connect("first")
        ledger = Ledger(mutual)
        self._refused(raw, mqtt.connect("second", pair[2].id, pair[2].key))
        ledger.expect(in_protocol("mqtt", "malformed"))


class TestCuts:
    """The certificate stays good; what it named is gone."""

    BOUND = 0.25

    @pytest.fixture
    def opened(self, mutual, pki, account, closing):
        """A thing's sessions, all by its certificate alone, and all subscribed; and those of a thing beside it."""
        channel, thing, beside = account.pair()

        def sessions(which):
            client = context(pki.ca, pki.signed(which.key))
            made = []
            for version in (4, 5):
                for listener in ("mqtts", "mqttws"):
                    connection = secured(mutual, listener, client)
                    framed = connection if listener == "mqtts" else FramedSocket(connection)
                    made.append(RawMQTT(closing(framed), version))
                    assert made[-1].connect(f"cut{next(numbers)}").subscribe(topic(channel, "#")) == [0]
            socket = RawWS(closing(secured(mutual, "ws", client)), f"/channels/{channel}/messages")
            assert socket.answer.status == 101
            return made, socket

        return channel, thing, beside, sessions(thing), sessions(beside)

    @pytest.mark.parametrize("way", ["removed", "key changed", "disconnected", "disconnected in bulk"])
    def test_a_session_ends_with_the_right_it_lives_by(self, mutual, pki, account, opened, way):
        channel, thing, beside, (raws, socket), (others, other_socket) = opened
        if way == "removed":
            account.remove_thing(thing)
        elif way == "key changed":
            account.change_key(thing, uuid.uuid4().hex)
        elif way == "disconnected":
            account.disconnect(channel, thing)
        else:
            body = {"channel_ids": [channel], "thing_ids": [thing.id]}
            account.call("things", "PUT", "/disconnect", json=body, expect=200)
        answered = time.monotonic()

        for raw in raws:
            said = [(each.kind, each.body[0]) for each in raw.packets_until_closed()]
            assert said == ([(mqtt.DISCONNECT, 0x87)] if raw.version == 5 else [])
        assert socket.close_code() == 1008
        assert time.monotonic() - answered < self.BOUND

        word = uuid.uuid4().bytes
        with RawMQTT(secured(mutual, "mqtts", context(pki.ca, pki.signed(beside.key)))) as raw:
            assert raw.connect("p").send(mqtt.publish(topic(channel), word, 1)).packet().kind == mqtt.PUBACK
        assert [each.message()[1] for each in others] == [word] * len(others) and other_socket.data() == word

    def test_a_cut_session_cannot_be_opened_again(self, mutual, pki, account, opened):
        channel, thing, *_ = opened
        account.remove_thing(thing)
        client = context(pki.ca, pki.signed(thing.key))
        with RawMQTT(secured(mutual, "mqtts", client), 5) as raw:
            assert _connack(raw.send(mqtt.connect("again", version=5))) == 0x87
        assert RawWS(secured(mutual, "ws", client), f"/channels/{channel}/messages").answer.status == 403
