"""MQTT's statements on strings, flags, packet identifiers and transports: chapters 1, 2, 4.8 (4.13), 6 and 7."""

import struct

import pytest

from support import mqtt_properties as mp
from support import raw_mqtt as mqtt
from support.raw_ws import BINARY, TEXT, RawWS, frame
from support.statements import MALFORMED, OPEN_WEBSOCKET, PROTOCOL_ERROR, Will, read, statements

ILL_FORMED = [b"\xed\xa0\x80", b"\xed\xbf\xbf", b"\xc0\x80", b"a\xff", b"\xe2\x82"]
OF_A_SERVER = (mqtt.CONNACK, mqtt.SUBACK, mqtt.UNSUBACK, mqtt.PINGRESP)


def connects_with(place, version, wrong):
    """CONNECT packets with a bad string in each of the fields that are strings."""
    username, password = place.credentials("reader")
    given = {"username": username or "u", "password": password or "p", "version": version}
    yield mqtt.connect(wrong, **given)
    yield mqtt.connect("c", **given | {"username": wrong})
    yield mqtt.connect("c", **given, will=(wrong, b"will"))
    if version == 5:
        yield place.connect(5, will=Will("a", properties=[(mp.RESPONSE_TOPIC, wrong)]))
        yield place.connect(5, properties=[(mp.USER, ("name", wrong))])


def packets_with(place, version, wrong):
    """The same for the packets of a client that has been let in."""
    prefix = place.topic("").encode()
    yield mqtt.publish(prefix + wrong, version=version)
    yield mqtt.publish(prefix + wrong, qos=1, version=version)
    yield mqtt.subscribe(prefix + wrong, version=version)
    yield mqtt.unsubscribe(prefix + wrong, version=version)
    if version == 5:
        for identifier in (mp.RESPONSE_TOPIC, mp.CONTENT_TYPE):
            yield mqtt.publish(place.topic("a"), version=5, properties=mp.encoded([(identifier, wrong)]))
        for pair in ((wrong, "value"), ("name", wrong)):
            yield mqtt.publish(place.topic("a"), version=5, properties=mp.encoded([(mp.USER, pair)]))


def ends_with_each(place, version, wrong):
    for data in connects_with(place, version, wrong):
        words = place.connection(version).send(data).last_words()
        assert version == 5 or words == [], data
        assert all(each.kind == mqtt.CONNACK and each.body[1] in (MALFORMED, 0x85, 0x90) for each in words), data
    for data in packets_with(place, version, wrong):
        place.come(version, "").send(data).expect_end(MALFORMED)


@statements(
    v3="1.5.3-1 3.1.3-4 3.1.3-10 3.1.3-11 3.3.2-1 3.8.3-1 3.10.3-1",
    v5="1.5.4-1 1.5.7-1 3.1.3-4 3.1.3-11 3.1.3-12 3.3.2-1 3.3.2-13 3.3.2-19 3.8.3-1 3.10.3-1",
)
@pytest.mark.parametrize("wrong", ILL_FORMED, ids=repr)
def test_a_string_that_is_no_utf_8_ends_the_connection(place, version, wrong):
    ends_with_each(place, version, wrong)


@statements(v3="1.5.3-2 4.7.3-2", v5="1.5.4-2 4.7.3-2")
def test_u_0000_in_a_string_ends_the_connection(place, version):
    ends_with_each(place, version, b"a\0b")


@statements(v3="1.5.3-3", v5="1.5.4-3")
def test_a_zero_width_no_break_space_stays_where_it_is(place, version):
    reader, writer = place.reader(version, "a/\ufeffb", "\ufeffa/b"), place.writer(version)
    for name in ("a/b", "a/\ufeffb", "\ufeffa/b"):
        writer.publish(place.topic(name), name.encode(), 1)
    heard = place.heard(reader, writer)
    assert [place.relative(each.topic) for each in heard] == ["a/\ufeffb", "\ufeffa/b"]


@statements(v5="1.5.5-1")
def test_a_variable_byte_integer_is_as_short_as_it_can_be(place, version):
    name = mqtt.text(place.topic("a"))
    for data in (
        mqtt.packet(mqtt.PUBLISH, name + b"\x80\x00"),
        mqtt.packet(mqtt.PUBLISH, name + b"\0", length=mqtt.number(len(name) + 1 | 128)[:1] + b"\x80\x00"),
        mqtt.packet(mqtt.SUBSCRIBE, b"\0\1" + b"\x82\x00\x0b\x01" + name + b"\0", 2),
    ):
        place.come(version, "").send(data).expect_end(MALFORMED)
    # Lengths of one, two and three bytes from the server are read by `taken_number`, which insists.
    reader, writer = place.reader(version, "#"), place.writer(version)
    for size in (0, 120, 130, 16_000, 17_000):
        writer.publish(place.topic("a"), b"x" * 10, 1, [(mp.USER, ("n", "v" * size))])
        assert reader.next().all(mp.USER) == [("n", "v" * size)]


@statements(
    v3="2.2.2-1 2.2.2-2 3.6.1-1 3.8.1-1 3.10.1-1 3.14.1-1",
    v5="2.1.3-1 3.6.1-1 3.8.1-1 3.10.1-1 3.14.1-1 3.15.1-1",
)
def test_reserved_flags_of_the_fixed_header_are_as_they_should_be(place, version):
    good = {
        mqtt.PUBACK: mqtt.acknowledgement(mqtt.PUBACK, 1),
        mqtt.PUBREC: mqtt.acknowledgement(mqtt.PUBREC, 1),
        mqtt.PUBREL: mqtt.acknowledgement(mqtt.PUBREL, 1),
        mqtt.PUBCOMP: mqtt.acknowledgement(mqtt.PUBCOMP, 1),
        mqtt.SUBSCRIBE: mqtt.subscribe(place.topic("a"), version=version),
        mqtt.UNSUBSCRIBE: mqtt.unsubscribe(place.topic("a"), version=version),
        mqtt.PINGREQ: mqtt.packet(mqtt.PINGREQ),
        mqtt.DISCONNECT: mqtt.packet(mqtt.DISCONNECT),
        **({mqtt.AUTH: mqtt.packet(mqtt.AUTH, b"\x18\0")} if version == 5 else {}),
    }
    for data in good.values():
        for bit in (1, 2, 4, 8):
            place.come(version, "").send(bytes([data[0] ^ bit]) + data[1:]).expect_end(MALFORMED)
    connect = place.connect(version)
    words = place.connection(version).send(bytes([connect[0] | 1]) + connect[1:]).last_words()
    assert all(each.kind == mqtt.CONNACK and each.body[1] == MALFORMED for each in words)


@statements(v3="2.3.1-1", v5="2.2.1-3")
def test_zero_is_no_packet_identifier(place, version):
    for data in (
        mqtt.publish(place.topic("a"), qos=1, identifier=0, version=version),
        mqtt.publish(place.topic("a"), qos=2, identifier=0, version=version),
        mqtt.subscribe(place.topic("a"), identifier=0, version=version),
        mqtt.unsubscribe(place.topic("a"), identifier=0, version=version),
    ):
        place.come(version, "").send(data).expect_end(MALFORMED, PROTOCOL_ERROR)


@statements(v3="2.3.1-4 4.3.2-1 4.3.3-1", v5="2.2.1-4 4.3.2-1 4.3.3-1")
def test_the_server_gives_its_messages_identifiers_that_are_free(place, version):
    reader, writer = place.reader(version, "#"), place.writer(version)
    for number in range(40):
        writer.publish(place.topic("a"), b"%d" % number, 1 + number % 2)
    held = [reader.message() for _ in range(40)]
    assert len({each.identifier for each in held} - {0}) == 40
    for message in held[::2]:
        reader.acknowledge(message)
    still = {each.identifier for each in held[1::2]}
    for number in range(20):
        writer.publish(place.topic("a"), b"more", 1 + number % 2)
    more = [reader.message().identifier for _ in range(20)]
    assert len(set(more)) == 20 and not still & set(more) and 0 not in more


@statements(v3="2.3.1-5", v5="2.2.1-2 2.2.2-1")
def test_a_qos_0_message_has_no_identifier_and_no_properties_that_nobody_gave(place, version):
    reader, writer = place.reader(version, "a"), place.writer(version)
    writer.publish(place.topic("a"), b"payload", 0)
    delivered = reader.packet()
    middle = b"\0" if version == 5 else b""
    assert (delivered.kind, delivered.flags) == (mqtt.PUBLISH, 0)
    assert delivered.body == mqtt.text(place.topic("a")) + middle + b"payload"


@statements(v3="2.3.1-6 2.3.1-7", v5="2.2.1-5 2.2.1-6 2.2.2-1")
@pytest.mark.parametrize("identifier", [1, 0x0100, 0x1234, 0xFFFF])
def test_answers_carry_the_identifier_of_what_they_answer(place, version, identifier):
    client, name = place.come(version), place.topic("a")
    for data, kind in (
        (mqtt.publish(name, b"", 1, identifier, version=version), mqtt.PUBACK),
        (mqtt.publish(name, b"", 2, identifier, version=version), mqtt.PUBREC),
        (mqtt.acknowledgement(mqtt.PUBREL, identifier), mqtt.PUBCOMP),
    ):
        assert client.answer_to(data, kind, identifier) in (0, 0x10)  # Nobody subscribes.
    for data, kind in (
        (mqtt.subscribe(name, identifier=identifier, version=version), mqtt.SUBACK),
        (mqtt.unsubscribe(name, identifier=identifier, version=version), mqtt.UNSUBACK),
    ):
        body = client.send(data).answer(kind).body
        assert body[:2] == struct.pack(">H", identifier)
        assert version == 4 or body[2] == 0, "a property length of zero"


@statements(v3="4.8.0-1", v5="4.13.1-1 4.13.2-1")
def test_a_packet_that_breaks_the_rules_ends_the_connection(place, version):
    name = place.topic("a")
    bad = [mqtt.packet(kind, b"\0\1\0\0"[: 0 if kind == mqtt.PINGRESP else None]) for kind in OF_A_SERVER]
    bad += [mqtt.packet(0), mqtt.packet(mqtt.PINGREQ, b"\0"), mqtt.packet(mqtt.PUBLISH, b"\0\x05a")]
    bad += [mqtt.packet(mqtt.PUBACK, b"\0"), mqtt.packet(mqtt.SUBSCRIBE, b"\0\1", 2), b"\x30\xff\xff\xff\xff\x01"]
    if version == 5:
        bad += [mqtt.publish(name, version=5, properties=b"\x7f\0"), mqtt.publish(name, version=5, properties=b"\x11")]
        bad += [mqtt.publish(name, version=5, properties=b"\x01\0\x01\0")]
    else:
        bad += [mqtt.packet(15)]
    for data in bad:
        place.come(version, "").send(data).expect_end(MALFORMED, PROTOCOL_ERROR)


@statements(v3="7.1.1-1 7.0.0-2", v5="4.2.0-1")
def test_bytes_may_come_in_any_pieces(place, version):
    client, reader = place.connection(version, "writer"), place.reader(version, "a")
    everything = place.connect(version, "writer") + mqtt.publish(place.topic("a"), b"one", 1, version=version)
    everything += mqtt.publish(place.topic("a"), b"two", 1, 2, version=version) + mqtt.packet(mqtt.PINGREQ)
    for position in range(len(everything)):
        client.send(everything[position : position + 1])
    client.accepted()
    assert sorted(client.packet().kind for _ in range(3)) == [mqtt.PUBACK, mqtt.PUBACK, mqtt.PINGRESP]
    assert [reader.next().payload for _ in range(2)] == [b"one", b"two"]


@statements(v3="6.0.0-1", v5="6.0.0-1", at=(OPEN_WEBSOCKET,))
def test_a_text_frame_ends_the_connection(place, version):
    client = place.come(version)
    client.socket.ws.send(frame(TEXT, mqtt.packet(mqtt.PINGREQ)))
    assert mqtt.PINGRESP not in [each.kind for each in client.last_words()]
    first = place.connection(version)
    first.socket.ws.send(frame(TEXT, place.connect(version)))
    assert first.last_words() == []


@statements(v3="6.0.0-2", v5="6.0.0-2", at=(OPEN_WEBSOCKET,))
def test_packets_and_frames_begin_and_end_where_they_like(place, version):
    client, name = place.connection(version), place.topic("a")
    packets = place.connect(version) + mqtt.subscribe(name, version=version)
    packets += mqtt.publish(name, b"x" * 300, version=version)
    for start, end in ((0, 3), (3, 20), (20, len(packets) - 100), (len(packets) - 100, None)):
        client.socket.ws.send(frame(BINARY, packets[start:end]))
    client.accepted()
    assert client.packet().kind == mqtt.SUBACK
    assert read(client.packet(), version).payload == b"x" * 300


@statements(v3="6.0.0-3 6.0.0-4", v5="6.0.0-3 6.0.0-4", at=(OPEN_WEBSOCKET,))
def test_the_subprotocol_is_mqtt(place, version):
    assert place.connection(version).socket.answer.headers["sec-websocket-protocol"] == "mqtt"
    for offered in ((), ("Sec-WebSocket-Protocol: chat",)):
        with place.platforms[0].connect("mqttws") as connection:
            assert RawWS(connection, "/mqtt", *offered).answer.status == 400
