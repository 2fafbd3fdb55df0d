"""MQTT against malformed packets, random bytes, and topics that are none of ours."""

import random
import struct
import uuid

import pytest

from support import raw_mqtt as mqtt
from support.api import publish_http
from support.listeners import PahoClient, topic
from support.raw_http import Ended, RawHTTP, request
from support.raw_mqtt import RawMQTT
from support.raw_ws import BINARY, TEXT, RawWS, frame
from tables.bad_mqtt import BAD_FIRST, BAD_LATER

SUBPROTOCOL = "Sec-WebSocket-Protocol: mqtt"


@pytest.fixture(scope="module")
def pair(alice):
    return alice.pair()


@pytest.fixture
def client(server, pair, closing):
    """A connected thing."""

    def connected(version: int = 4, thing=None) -> RawMQTT:
        who = thing or pair[1]
        return RawMQTT(closing(server.connect("mqtt")), version).connect(uuid.uuid4().hex[:20], who.id, who.key)

    return connected


@pytest.mark.parametrize("bad", BAD_FIRST, ids=str)
def test_a_bad_beginning_ends_the_connection(server, unharmed, bad):
    with server.counts_a_refusal("mqtt"), RawMQTT(server.connect("mqtt"), bad.version) as raw:
        answers = raw.send(bad.data).packets_until_closed()
        for each in answers:
            assert each.kind in (mqtt.CONNACK, mqtt.DISCONNECT), each
            assert each.kind == mqtt.DISCONNECT or each.body[1] != 0, "let in"


@pytest.mark.parametrize("bad", BAD_LATER, ids=str)
def test_a_bad_packet_ends_the_connection_and_mqtt_5_is_told_why(server, pair, client, unharmed, bad):
    topic_of_ours = bad.data.replace(b"00000000-0000-4000-8000-000000000000", pair[0].encode())
    raw = client(bad.version)
    with server.counts_a_refusal("mqtt"):
        answers = raw.send(topic_of_ours).packets_until_closed()
    if bad.version == 5:
        assert [each.kind for each in answers] == [mqtt.DISCONNECT]
        assert answers[0].body[0] in bad.reasons, f"reason {answers[0].body[0]:#x}"
    else:
        assert answers == []


FORBIDDEN = [
    "with blank",
    "tab\t",
    "cr\r",
    "lf\n",
    "crlf\r\nPUB x 1\r\na",
    "esc\x1b",
    "del\x7f",
    "c1\x85",
    "nbsp\u00a0",
    "\u3000",
    "\u2028",
    "*",
    ">",
    "a*b",
    "a>b",
    "a.*.b",
    "x" * 1025,
    "/".join(["a"] * 65),
]


class TestTopics:
    @pytest.mark.parametrize("level", FORBIDDEN, ids=lambda level: repr(level[:12]))
    def test_a_forbidden_subtopic_is_refused(self, server, pair, client, unharmed, level):
        listener = client()
        listener.subscribe(topic(pair[0], "#"))
        with server.counts_a_refusal("mqtt"):
            answers = client(4).send(mqtt.publish(topic(pair[0], level), b"bad", 1)).packets_until_closed()
            assert answers == []
        new = client(5)
        answer = new.send(mqtt.publish(topic(pair[0], level), b"bad", 1, version=5)).packet()
        assert (answer.kind, answer.body[2]) == (mqtt.PUBACK, 0x90)
        answer = new.send(mqtt.publish(topic(pair[0], level), b"bad", 2, version=5)).packet()
        assert (answer.kind, answer.body[2]) == (mqtt.PUBREC, 0x90)

        assert publish_http(server, pair[0], pair[1].key, b"end") == 202
        assert listener.message()[1] == b"end"

    @pytest.mark.parametrize(
        "wrong",
        [
            "a",
            "/",
            "//",
            "channels",
            "channels/",
            "channels/{}",
            "channels/{}/",
            "channels/{}/message",
            "channels/{}/messagesx",
            "channels//messages",
            "/channels/{}/messages",
            "Channels/{}/messages",
            "$SYS/broker",
            "$share/g/channels/{}/messages",
            " channels/{}/messages",
        ],
    )
    def test_a_topic_outside_the_grammar_is_refused(self, server, pair, client, unharmed, wrong):
        name = wrong.format(pair[0])
        assert client(4).send(mqtt.publish(name, b"bad", 1)).packets_until_closed() == []
        answer = client(5).send(mqtt.publish(name, b"bad", 1, version=5)).packet()
        assert (answer.kind, answer.body[2]) == (mqtt.PUBACK, 0x90)
        with server.counts_a_refusal("mqtt"):
            assert client(5).send(mqtt.publish(name, b"bad", 0, version=5)).is_alive(), "QoS 0 is dropped"

    @pytest.mark.parametrize(
        "spelling",
        [
            lambda id: id.replace("-", ""),
            lambda id: "{" + id + "}",
            lambda id: id + " ",
            lambda id: id[:-1],
            lambda id: id + "0",
            lambda id: "nonsense",
            lambda id: str(uuid.uuid4()),
            lambda id: "urn:uuid:" + id,
            lambda id: id.replace("-", "--", 1),
        ],
        ids=["bare", "braces", "blank", "short", "long", "nonsense", "unknown", "urn", "hyphens"],
    )
    def test_an_id_in_another_spelling_names_no_channel(self, server, pair, client, unharmed, spelling):
        name = topic(spelling(pair[0]))
        assert client(4).send(mqtt.publish(name, b"bad", 1)).packets_until_closed() == []
        assert client(5).send(mqtt.publish(name, b"bad", 1, version=5)).packet().body[2] in (0x87, 0x90)
        assert client(4).subscribe(name) == [0x80]
        assert client(5).subscribe(name)[0] in (0x87, 0x8F)


class TestHostileClients:
    def test_random_bytes_hurt_nobody(self, server, pair, client, unharmed):
        source = random.Random(0xF1C5)
        for round in range(200):
            noise = source.randbytes(source.randrange(1, 200))
            raw = client(source.choice((4, 5))) if round % 2 else RawMQTT(server.connect("mqtt"))
            with raw:
                raw.send(noise)

    def test_good_packets_with_one_byte_changed_hurt_nobody(self, server, pair, client, unharmed):
        source = random.Random(0xF1C6)
        good = [
            lambda v: mqtt.publish(
                topic(pair[0], "a"), b"payload", 1, version=v, properties=b"\3\0\1a" if v == 5 else b""
            ),
            lambda v: mqtt.subscribe(topic(pair[0], "#"), version=v),
            lambda v: mqtt.unsubscribe(topic(pair[0]), version=v),
            lambda v: mqtt.connect("c", pair[1].id, pair[1].key, v, will=(topic(pair[0]), b"w")),
            lambda v: mqtt.acknowledgement(mqtt.PUBREL, 1),
        ]
        for _ in range(400):
            version = source.choice((4, 5))
            data = bytearray(source.choice(good)(version))
            data[source.randrange(len(data))] ^= 1 << source.randrange(8)
            with client(version) as raw:
                raw.send(bytes(data))

    @pytest.mark.parametrize("version", [4, 5])
    def test_a_packet_may_come_byte_by_byte(self, pair, client, version):
        raw = client(version)
        for byte in mqtt.publish(topic(pair[0]), b"slow", 1, version=version) + mqtt.packet(mqtt.PINGREQ):
            raw.send(bytes([byte]))
        assert [raw.packet().kind, raw.packet().kind] == [mqtt.PUBACK, mqtt.PINGRESP]

    def test_unexpected_acknowledgements_hurt_nobody(self, pair, client, unharmed):
        for kind in (mqtt.PUBACK, mqtt.PUBREC, mqtt.PUBREL, mqtt.PUBCOMP):
            raw = client(4).send(mqtt.acknowledgement(kind, 77))
            try:
                raw.send(mqtt.packet(mqtt.PINGREQ)).packet()
            except Ended:
                pass  # Both are allowed: to ignore it, and to end the connection.

    def test_more_in_flight_than_the_receive_maximum_is_a_reason_to_leave(self, server, pair, client, unharmed):
        raw = client(5)
        flood = b"".join(mqtt.publish(topic(pair[0]), b"", 2, number, version=5) for number in range(1, 65536))
        kinds = [each.kind for each in raw.send(flood).packets_until_closed()]
        assert kinds[-1] == mqtt.DISCONNECT and set(kinds[:-1]) == {mqtt.PUBREC}

    def test_many_filters_are_bounded(self, server, pair, client, unharmed):
        """Whatever the bound is: the answer is a SUBACK for each packet, or the end of the connection."""
        raw = client(4)
        try:
            for number in range(200):
                filters = [topic(pair[0], f"{number}/{each}") for each in range(100)]
                raw.send(mqtt.subscribe(*filters, identifier=number + 1))
                assert len(raw.packet().body) == 102
        except Ended:
            pass

    def test_a_subscriber_that_does_not_read_keeps_nobody_waiting(self, server, pair, client, alice, unharmed):
        channel, lazy_thing, sender = alice.pair()
        lazy = client(4, lazy_thing)
        lazy.subscribe(topic(channel), qos=1)
        source = PahoClient(server, sender)
        for _ in range(400):
            source.publish(topic(channel), b"x" * 200_000, 1)
        source.close()


class TestOverWebSocket:
    def _open(self, server, *headers: str, path: str = "/mqtt") -> RawWS:
        return RawWS(server.connect("mqttws"), path, *headers)

    def test_the_subprotocol_is_chosen(self, server):
        socket = self._open(server, SUBPROTOCOL)
        assert socket.answer.headers["sec-websocket-protocol"] == "mqtt"

    def test_packets_may_be_split_over_frames_and_share_one(self, server, pair):
        data = mqtt.connect("w", pair[1].id, pair[1].key) + mqtt.packet(mqtt.PINGREQ)
        with self._open(server, SUBPROTOCOL) as socket:
            for byte in data[:10]:
                socket.send(frame(BINARY, bytes([byte])))
            socket.send(frame(BINARY, data[10:]))
            received = socket.data()
            while len(received) < 6:
                received += socket.data()
            assert received == b"\x20\x02\0\0\xd0\0"

    def test_text_frames_are_refused(self, server, pair, unharmed):
        with server.counts_a_refusal("mqtt"), self._open(server, SUBPROTOCOL) as socket:
            assert socket.send(frame(TEXT, b"a")).close_code() in (1002, 1003, 1007)

    def test_a_malformed_packet_ends_the_connection(self, server, unharmed):
        with server.counts_a_refusal("mqtt"), self._open(server, SUBPROTOCOL) as socket:
            socket.send(frame(BINARY, b"\0\0")).close_code()

    def test_unmasked_frames_are_refused(self, server, unharmed):
        with server.counts_a_refusal("mqtt"), self._open(server, SUBPROTOCOL) as socket:
            assert socket.send(frame(BINARY, b"a", masked=False)).close_code() == 1002

    def test_another_subprotocol_is_not_chosen(self, server):
        socket = self._open(server, "Sec-WebSocket-Protocol: other")
        assert socket.answer.status == 400 or "sec-websocket-protocol" not in socket.answer.headers

    def test_a_request_that_is_no_handshake_is_answered(self, server):
        with RawHTTP(server.connect("mqttws")) as http:
            assert http.send(request("GET", "/")).answer().status in (400, 404, 426)


def test_a_length_of_the_largest_kind_takes_no_memory(server, pair, client, unharmed):
    """A thousand promises of 256 MB each."""
    for _ in range(1_000):
        with client(4) as raw:
            raw.send(bytes([0x30]) + mqtt.number(268_435_455) + struct.pack(">H", 5))
    resident = int(
        next(line.split()[1] for line in open(f"/proc/{server.process.pid}/status") if line.startswith("VmRSS"))
    )
    assert resident < 500_000, f"{resident} kB"
