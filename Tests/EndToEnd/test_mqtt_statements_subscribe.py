"""MQTT's statements on SUBSCRIBE and UNSUBSCRIBE: sections 3.8 to 3.11."""

import struct

import pytest

from support import mqtt_properties as mp
from support import raw_mqtt as mqtt
from support.statements import MALFORMED, PROTOCOL_ERROR, statements


def subscribe(version, *pairs, properties=b""):
    middle = mqtt.number(len(properties)) + properties if version == 5 else b""
    body = b"\0\x07" + middle + b"".join(mqtt.text(name) + bytes([options]) for name, options in pairs)
    return mqtt.packet(mqtt.SUBSCRIBE, body, 2)



@statements(
    v3="3.8.4-1 3.8.4-2 3.8.4-4 3.8.4-5 3.9.3-1 3.9.3-2",
    v5="3.8.4-1 3.8.4-2 3.8.4-5 3.8.4-6 3.8.4-7 3.9.3-1 3.9.3-2",
)
def test_suback_has_a_code_for_each_filter_in_their_order(place, version):
    client, writer = place.come(version), place.writer(version)
    pairs = [(place.topic("a"), 2), (place.refused, 1), (place.topic("b"), 0), (place.topic("c"), 1)]
    answer = client.send(subscribe(version, *pairs)).packet()
    assert (answer.kind, answer.flags, answer.body[:2]) == (mqtt.SUBACK, 0, b"\0\x07")
    codes = list(mp.split(answer.body[2:])[1] if version == 5 else answer.body[2:])
    assert codes[0] == 2 and codes[2:] == [0, 1]
    assert codes[1] in ((0x80, 0x87, 0x8F) if version == 5 else (0x80,))
    # One answer for all; and what was granted holds.
    client.ping()
    for name in ("a", "b", "c"):
        writer.publish(place.topic(name), name.encode(), 2)
    assert {(each.payload, each.qos) for each in place.heard(client, writer)} == {(b"a", 2), (b"b", 0), (b"c", 1)}


@statements(v3="3.8.3-3", v5="3.8.3-2")
def test_subscribing_to_nothing_ends_the_connection(place, version):
    place.come(version).send(subscribe(version)).expect_end(MALFORMED, PROTOCOL_ERROR)


@statements(v3="3.8.3-4", v5="3.8.3-5")
def test_reserved_bits_and_qos_3_end_the_connection(place, version):
    reserved = (0x04, 0x08, 0x10, 0x20, 0x40, 0x80) if version == 4 else (0x40, 0x80, 0xC0)
    for options in (*(bit | qos for bit in reserved for qos in (0, 1, 2)), 0x03):
        data = subscribe(version, (place.topic("a"), 0), (place.topic("b"), options))
        place.come(version, "").send(data).expect_end(MALFORMED, PROTOCOL_ERROR)
    if version == 5:
        data = subscribe(version, (place.topic("a"), 0x30))
        place.come(version, "").send(data).expect_end(PROTOCOL_ERROR, MALFORMED)


@statements(v3="3.8.4-3", v5="3.8.4-3")
def test_subscribing_again_replaces_the_subscription(place, version):
    reader, writer = place.come(version), place.writer(version)
    for qos in (2, 0, 1):
        properties = [(mp.SUBSCRIPTION, 1 + qos)] if version == 5 else []
        assert reader.subscribe(place.topic("a/+"), options=qos, properties=properties) == [qos]
        writer.publish(place.topic("a/b"), b"once", 2)
        heard = place.heard(reader, writer)
        assert [(each.payload, each.qos) for each in heard] == [(b"once", qos)]
        assert version == 4 or heard[0].all(mp.SUBSCRIPTION) == [1 + qos]
    assert reader.subscribe(place.topic("a/+"), options=2) == [2]
    reader.unsubscribe(place.topic("a/+"))
    writer.publish(place.topic("a/b"), b"over", 2)
    assert place.payloads(reader, writer) == []


@statements(v3="3.8.4-3", v5="3.8.4-4", retained=True)
def test_subscribing_again_brings_retained_messages_again(place, version):
    writer = place.writer(version)
    writer.publish(place.topic("a"), b"kept", 1, retain=True)
    reader = place.come(version)
    for qos in (1, 2, 1):
        assert reader.subscribe(place.topic("a"), options=qos) == [qos]
        message = reader.next()
        assert (message.payload, message.retain) == (b"kept", True)


@statements(v3="3.8.4-3", v5="3.8.4-4")
def test_subscribing_again_interrupts_nothing(place, version):
    reader, writer = place.reader(version, "a"), place.writer(version)
    for number in range(60):
        writer.send(mqtt.publish(place.topic("a"), b"%d" % number, 1, number + 1, version=version))
        if number % 3 == 0:
            assert reader.subscribe(place.topic("a"), options=1 + number % 2) == [1 + number % 2]
    for _ in range(60):
        writer.answer(mqtt.PUBACK)
    assert [reader.next().payload for _ in range(60)] == [b"%d" % number for number in range(60)]
    assert place.payloads(reader, writer) == []


@statements(v3="3.8.4-6", v5="3.8.4-8")
def test_messages_come_with_the_lower_qos_of_publisher_and_subscriber(place, version):
    reader, writer = place.come(version), place.writer(version)
    for granted in (0, 1, 2):
        assert reader.subscribe(place.topic(f"a/{granted}"), options=granted) == [granted]
        for sent in (0, 1, 2):
            writer.publish(place.topic(f"a/{granted}"), b"", sent)
            assert reader.next().qos == min(granted, sent)


@statements(v5="3.8.3-3")
@pytest.mark.parametrize("qos", [0, 1, 2])
def test_no_local_keeps_a_client_s_own_messages_from_it(place, version, qos):
    client, another = place.come(version), place.come(version, "reader-2")
    assert client.subscribe(place.topic("a"), options=0x04 | 2) == [2]
    assert another.subscribe(place.topic("a")) == [2]
    client.publish(place.topic("a"), b"own", qos)
    assert another.next().payload == b"own"
    place.come(version, "reader-3").publish(place.topic("a"), b"another's", qos)
    assert place.payloads(client, place.writer(version)) == [b"another's"]


@statements(v3="3.10.3-2", v5="3.10.3-2")
def test_unsubscribing_from_nothing_ends_the_connection(place, version):
    place.come(version).send(mqtt.unsubscribe(version=version)).expect_end(MALFORMED, PROTOCOL_ERROR)


@statements(
    v3="3.10.4-1 3.10.4-2 3.10.4-4 3.10.4-5 3.10.4-6",
    v5="3.10.4-1 3.10.4-2 3.10.4-4 3.10.4-5 3.10.4-6 3.11.3-1 3.11.3-2",
)
def test_unsubscribing_ends_the_very_filters_that_are_named(place, version):
    reader, writer = place.reader(version, "a/+", "a/#", "a/b", "B"), place.writer(version)
    removed = [("a/#", 0), ("a/c", 0x11), ("b", 0x11), ("a/b", 0), ("a/b", 0x11), ("+/b", 0x11)]
    codes = reader.unsubscribe(*(place.topic(name) for name, _ in removed))
    assert codes == ([code for _, code in removed] if version == 5 else [])
    for name in ("a", "a/b", "a/b/c", "B"):
        writer.publish(place.topic(name), name.encode(), 1)
    assert place.payloads(reader, writer) == [b"a/b", b"B"]
    assert reader.unsubscribe(place.topic("a/+"), place.topic("B")) == ([0, 0] if version == 5 else [])
    writer.publish(place.topic("a/b"), b"over", 1)
    assert place.payloads(reader, writer) == []


@statements(v3="3.10.4-3", v5="3.10.4-3")
def test_what_has_begun_to_be_sent_is_completed_after_unsubscribing(place, version):
    reader, writer = place.reader(version, "a"), place.writer(version)
    for qos in (1, 2, 2):
        writer.publish(place.topic("a"), b"%d" % qos, qos)
    first, second, third = (reader.message() for _ in range(3))
    reader.receive(third)
    reader.unsubscribe(place.topic("a"))
    reader.acknowledge(first)
    reader.acknowledge(second)
    reader.send(mqtt.acknowledgement(mqtt.PUBCOMP, third.identifier)).ping()
    assert not reader.unread


@statements(v3="3.12.4-1", v5="3.12.4-1")
def test_every_ping_is_answered(place, version):
    client = place.come(version)
    client.send(mqtt.packet(mqtt.PINGREQ) * 50)
    for _ in range(50):
        answer = client.packet()
        assert (answer.kind, answer.flags, answer.body) == (mqtt.PINGRESP, 0, b"")


@statements(v3="3.14.4-1 3.14.4-2", v5="3.14.4-1 3.14.4-2 3.14.2-1")
def test_nothing_behind_disconnect_is_looked_at_and_the_connection_ends(place, version):
    reader = place.reader(version, "a")
    behind = mqtt.publish(place.topic("a"), b"late", 1, version=version) + mqtt.packet(mqtt.PINGREQ)
    assert place.come(version, "reader-2").send(mqtt.packet(mqtt.DISCONNECT) + behind).packets_until_closed() == []
    assert place.payloads(reader, place.writer(version)) == []


@statements(v5="3.14.2-1")
@pytest.mark.parametrize("reason", [0x01, 0x03, 0x7F, 0xFF])
def test_disconnect_with_a_reason_that_no_client_may_give_is_an_error(place, version, reason):
    place.come(version).send(mqtt.packet(mqtt.DISCONNECT, bytes([reason, 0]))).expect_end(MALFORMED, PROTOCOL_ERROR)


@statements(v5="3.4.2-1 3.5.2-1 3.6.2-1 3.7.2-1")
def test_acknowledgements_with_unknown_reasons_are_an_error_and_the_server_uses_known_ones(place, version):
    for kind in (mqtt.PUBACK, mqtt.PUBREC, mqtt.PUBREL, mqtt.PUBCOMP):
        data = mqtt.packet(kind, struct.pack(">HB", 1, 0x7F), 2 if kind == mqtt.PUBREL else 0)
        place.come(version, "").send(data).expect_end(MALFORMED, PROTOCOL_ERROR)
    client = place.come(version)
    # An identifier that nobody knows.
    for data, kind in (
        (mqtt.acknowledgement(mqtt.PUBREL, 9), mqtt.PUBCOMP),
        (mqtt.acknowledgement(mqtt.PUBREC, 9), mqtt.PUBREL),
    ):
        assert client.answer_to(data, kind, 9) == 0x92


@statements(v3="3.8.4-3 3.8.4-4 3.10.4-6", v5="3.8.4-3 3.8.4-5 3.10.4-6")
def test_a_filter_twice_in_a_packet_is_as_in_two_packets(place, version):
    reader, writer = place.come(version), place.writer(version)
    data = subscribe(version, (place.topic("a"), 0), (place.topic("b"), 1), (place.topic("a"), 2))
    assert list(reader.send(data).packet().body[-3:]) == [0, 1, 2]
    writer.publish(place.topic("a"), b"", 2)
    assert [each.qos for each in place.heard(reader, writer)] == [2]
    codes = reader.unsubscribe(place.topic("a"), place.topic("a"))
    assert codes == ([0, 0x11] if version == 5 else [])


@statements(v5="3.8.3-3 3.3.4-4")
@pytest.mark.parametrize("qos", [0, 1, 2])
def test_no_local_of_one_filter_does_not_hold_for_another(place, version, qos):
    client = place.come(version)
    for name, options, identifier in (("a/#", 0x04 | 2, 1), ("a/b", 2, 2)):
        assert client.subscribe(place.topic(name), options=options, properties=[(mp.SUBSCRIPTION, identifier)]) == [2]
    for name in ("a/b", "a/c"):
        client.publish(place.topic(name), b"own", qos)
    heard = place.heard(client, place.writer(version))
    assert [place.relative(each.topic) for each in heard] == ["a/b"]
    # The other filter matches too, so its identifier may be there.
    assert 2 in heard[0].all(mp.SUBSCRIPTION)


@statements(v5="4.13.1-1")
@pytest.mark.parametrize("identifiers", [[0], [1, 2], [1, 1]])
def test_a_subscription_identifier_is_one_and_not_0(place, version, identifiers):
    properties = mp.encoded([(mp.SUBSCRIPTION, each) for each in identifiers])
    data = subscribe(version, (place.topic("a"), 0), properties=properties)
    place.come(version).send(data).expect_end(PROTOCOL_ERROR)
