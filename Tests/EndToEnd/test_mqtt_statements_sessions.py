"""MQTT's statements on sessions that outlive their connection: in sections 3.1.2, 3.2.2, 4.1, 4.4 and 4.5."""

import struct

import pytest

from support import mqtt_properties as mp
from support import raw_mqtt as mqtt
from support.statements import read, statements


def subscribed(place, version, *filters, **options):
    client = place.come(version, clean=False, **options)
    assert client.subscribe(*map(place.topic, filters)) == [2] * len(filters)
    return client


def again(place, version, **options):
    client = place.come(version, clean=False, **options)
    assert client.present
    return client


@statements(
    v3="3.1.2-4 3.1.2-5 3.1.4-3 3.2.2-2 3.2.2-3 4.1.0-1 4.5.0-1",
    v5="3.1.2-5 3.1.2-6 3.1.2-23 3.1.4-4 3.2.2-3 4.1.0-1 4.5.0-1",
)
@pytest.mark.parametrize("lost", [False, True])
def test_a_session_goes_on_where_it_stood(place, version, lost):
    first = place.come(version, clean=False)
    assert not first.present
    assert first.subscribe(place.topic("a/#"), place.topic("b")) == [2, 2]
    first.close() if lost else first.disconnect()
    writer = place.writer(version)
    for number, (name, qos) in enumerate((("a", 1), ("b", 2), ("c", 1), ("a/b", 2), ("b", 1))):
        writer.publish(place.topic(name), b"%d" % number, qos)
    second = again(place, version)
    found = [second.next() for _ in range(4)]
    assert [(each.payload, each.qos, each.dup) for each in found] == [
        (b"0", 1, False),
        (b"1", 2, False),
        (b"3", 2, False),
        (b"4", 1, False),
    ]
    writer.publish(place.topic("a"), b"live", 1)
    assert place.payloads(second, writer) == [b"live"]
    second.disconnect()
    third = again(place, version)
    assert place.payloads(third, writer) == []


@statements(v3="3.1.2-6 3.1.4-3 3.2.2-1", v5="3.1.2-4 3.1.4-4 3.2.2-2")
def test_a_clean_start_forgets_what_there_was(place, version):
    writer = place.writer(version)
    client = subscribed(place, version, "a")
    writer.publish(place.topic("a"), b"in flight", 2)
    client.message()
    client.disconnect()
    writer.publish(place.topic("a"), b"waiting", 1)
    fresh = place.come(version, clean=True)
    assert not fresh.present and place.payloads(fresh, writer) == []
    writer.publish(place.topic("a"), b"not subscribed", 1)
    assert place.payloads(fresh, writer) == []
    fresh.disconnect()
    assert not place.come(version, clean=False).present


@statements(v3="3.1.2-6", v5="4.1.0-2")
def test_a_session_that_ends_with_its_connection_is_not_there_later(place, version):
    client = place.reader(version, "a")
    client.disconnect()
    assert not place.come(version, clean=False).present


@statements(v5="4.1.0-2 3.1.2-23")
def test_a_session_is_there_until_its_time_is_over(place, version):
    for client, expiry in (("reader", 1), ("reader-2", 600)):
        place.come(version, client, clean=False, expiry=expiry).disconnect()
    place.let_seconds_pass(version)
    assert [place.come(version, client, clean=False).present for client in ("reader", "reader-2")] == [False, True]


@statements(v5="4.1.0-2 3.14.2-2")
def test_disconnect_may_end_the_session_and_give_it_no_life_that_it_had_not(place, version):
    place.come(version, clean=False).disconnect(0, [(mp.SESSION_EXPIRY, 0)])
    assert not place.come(version, clean=False).present
    client = place.come(version, "reader-2", clean=True)
    body = b"\0" + mqtt.number(5) + mp.encoded([(mp.SESSION_EXPIRY, 60)])
    client.send(mqtt.packet(mqtt.DISCONNECT, body)).expect_end(0x82)


@statements(v3="4.1.0-2", v5="4.1.0-1")
def test_a_session_lasts_as_long_as_its_connection(place):
    readers = [place.reader(version, "a", client=f"reader-{version}", keep_alive=0) for version in (4, 5)]
    writer = place.writer(5)
    writer.publish(place.topic("a"), b"held", 2)
    held = [each.message() for each in readers]
    place.let_seconds_pass(5)
    for reader, message in zip(readers, held):
        reader.acknowledge(message)
        writer.publish(place.topic("a"), b"later", 1)
        assert b"later" in place.payloads(reader, writer)


@statements(
    v3="2.3.1-6 3.3.1-1 4.3.2-1 4.3.3-1 4.4.0-1 4.6.0-6",
    v5="3.3.1-1 4.3.2-3 4.3.3-3 4.3.3-5 4.3.3-6 4.4.0-1 4.6.0-5",
)
def test_what_was_not_acknowledged_is_sent_again_with_its_identifier(place, version):
    client, writer = subscribed(place, version, "a"), place.writer(version)
    for number, qos in enumerate((1, 2, 2, 1, 2, 1)):
        writer.publish(place.topic("a"), b"%d" % number, qos)
    held = [client.message() for _ in range(6)]
    assert not any(each.dup for each in held)
    client.acknowledge(held[0])  # Is done.
    client.receive(held[1])  # Its message must not come again, its PUBREL must.
    client.acknowledge(held[2])
    # At no other time than when the client comes again.
    client.ping()
    assert not client.unread
    client.close()

    back = again(place, version)
    released = back.answer(mqtt.PUBREL)
    assert struct.unpack(">H", released.body[:2])[0] == held[1].identifier
    repeated = [back.message() for _ in range(3)]
    assert [(each.payload, each.qos, each.identifier, each.dup) for each in repeated] == [
        (each.payload, each.qos, each.identifier, True) for each in held[3:]
    ]
    back.send(mqtt.acknowledgement(mqtt.PUBCOMP, held[1].identifier))
    for each in repeated:
        back.acknowledge(each)
    back.ping().disconnect()
    assert place.payloads(again(place, version), writer) == []


@statements(v5="4.4.0-2 4.3.3-4")
def test_what_the_client_refused_is_acknowledged_and_is_not_sent_again(place, version):
    client, writer = subscribed(place, version, "a", properties=[(mp.RECEIVE_MAXIMUM, 2)]), place.writer(version)
    for number, qos in enumerate((1, 2, 2, 1)):
        writer.publish(place.topic("a"), b"%d" % number, qos)
    for kind in (mqtt.PUBACK, mqtt.PUBREC):
        message = client.message()
        client.send(mqtt.packet(kind, struct.pack(">HB", message.identifier, 0x97)))
    # No PUBREL, and its place in the window is free.
    third, fourth = client.message(), client.message()
    assert (third.payload, fourth.payload) == (b"2", b"3")
    client.ping().close()
    back = again(place, version)
    assert [(back.message().payload) for _ in range(2)] == [b"2", b"3"]
    back.ping()
    assert not back.unread


@statements(v3="4.3.3-2 4.4.0-1", v5="4.3.3-10 4.3.3-11 4.3.3-12")
def test_the_identifiers_that_a_client_has_not_released_outlive_the_connection(place, version):
    reader, name = place.reader(version, "a"), place.topic("a")
    writer = place.come(version, "writer", clean=False)
    assert writer.answer_to(mqtt.publish(name, b"once", 2, 7, version=version), mqtt.PUBREC, 7) == 0
    writer.close()
    writer = again(place, version, client="writer")
    data = mqtt.publish(name, b"once", 2, 7, duplicate=True, version=version)
    assert writer.answer_to(data, mqtt.PUBREC, 7) == 0
    assert writer.answer_to(mqtt.acknowledgement(mqtt.PUBREL, 7), mqtt.PUBCOMP, 7) == 0
    assert writer.answer_to(mqtt.publish(name, b"new", 2, 7, version=version), mqtt.PUBREC, 7) == 0
    assert [reader.next().payload for _ in range(2)] == [b"once", b"new"]
    assert place.payloads(reader, place.writer(version)) == []


@statements(v5="4.3.3-7 4.3.3-13")
def test_a_message_that_has_been_sent_does_not_expire(place, version):
    client, writer = subscribed(place, version, "a"), place.writer(version)
    for number in range(2):
        writer.publish(place.topic("a"), b"%d" % number, 2, [(mp.EXPIRY, 1)])
    first, second = client.message(), client.message()
    client.receive(first)
    client.close()
    place.let_seconds_pass(version)
    back = again(place, version)
    assert struct.unpack(">H", back.answer(mqtt.PUBREL).body[:2])[0] == first.identifier
    repeated = back.message()
    assert (repeated.payload, repeated.identifier, repeated.dup) == (b"1", second.identifier, True)


@statements(v3="3.1.3-2", v5="3.1.3-2")
def test_each_client_has_the_session_of_its_identifier(place, version):
    writer = place.writer(version)
    for client in ("reader-1", "reader-2"):
        subscribed(place, version, client, client=client).disconnect()
    for client in ("reader-1", "reader-2"):
        writer.publish(place.topic(client), client.encode(), 1)
    assert not place.come(version, "reader-3", clean=False).present
    for client in ("reader-2", "reader-1"):
        assert place.payloads(again(place, version, client=client), writer) == [client.encode()]


@statements(v3="3.1.4-2 4.4.0-1", v5="3.1.4-3 4.4.0-1")
def test_who_takes_over_goes_on_with_the_session(place, version):
    client, writer = subscribed(place, version, "a"), place.writer(version)
    for number, qos in enumerate((1, 2, 2)):
        writer.publish(place.topic("a"), b"%d" % number, qos)
    held = [client.message() for _ in range(3)]
    client.receive(held[1])
    back = again(place, version)
    client.expect_end(0x8E)
    assert struct.unpack(">H", back.answer(mqtt.PUBREL).body[:2])[0] == held[1].identifier
    repeated = [back.message() for _ in range(2)]
    assert [(each.payload, each.identifier, each.dup) for each in repeated] == [
        (each.payload, each.identifier, True) for each in (held[0], held[2])
    ]
    for each in repeated:
        back.acknowledge(each)
    back.send(mqtt.acknowledgement(mqtt.PUBCOMP, held[1].identifier))
    assert place.payloads(back, writer) == []


@statements(v5="3.1.2-24 3.1.2-25")
def test_what_waits_and_is_too_long_for_the_client_is_left_out(place, version):
    subscribed(place, version, "a").disconnect()
    writer = place.writer(version)
    for number, (size, qos) in enumerate(((10, 1), (1_000, 1), (1_000, 2), (10, 2))):
        writer.publish(place.topic("a"), b"%d" % number * size, qos)
    back = again(place, version, properties=[(mp.MAXIMUM_PACKET, 300), (mp.RECEIVE_MAXIMUM, 1)])
    assert place.payloads(back, writer) == [b"0" * 10, b"3" * 10]


@statements(v5="3.3.4-3 3.3.1-10 3.3.1-13 3.8.3-3", retained=True)
def test_a_session_keeps_the_options_of_its_subscriptions(place, version):
    client, writer = place.come(version, clean=False), place.writer(version)
    for name, options, identifier in (("a", 0x08 | 2, 7), ("b", 0x04 | 1, 8), ("+", 0x10, 9)):
        properties = [(mp.SUBSCRIPTION, identifier)]
        assert client.subscribe(place.topic(name), options=options, properties=properties) == [options & 3]
    client.disconnect()
    writer.publish(place.topic("a"), b"kept", 2, retain=True)
    back = again(place, version)
    message = back.next()
    assert (message.qos, message.retain, sorted(message.all(mp.SUBSCRIPTION))) == (2, True, [7, 9])
    # The subscription isn't new.
    assert back.subscribe(place.topic("a"), options=0x10 | 2, properties=[(mp.SUBSCRIPTION, 7)]) == [2]
    assert place.payloads(back, writer) == []


@statements(v5="3.1.2-23 3.1.2-4")
def test_a_session_may_begin_clean_and_last(place, version):
    first = place.come(version, clean=True, expiry=600)
    assert first.subscribe(place.topic("a")) == [2]
    first.disconnect()
    writer = place.writer(version)
    writer.publish(place.topic("a"), b"meanwhile", 1)
    assert place.payloads(again(place, version), writer) == [b"meanwhile"]


@statements(v3="4.8.0-1", v5="4.13.1-1")
def test_an_acknowledgement_of_another_qos_is_an_error(place, version):
    for qos, kind in ((1, mqtt.PUBREC), (1, mqtt.PUBCOMP), (2, mqtt.PUBACK), (2, mqtt.PUBCOMP)):
        reader = place.reader(version, "a", client=f"reader-{qos}-{kind}")
        place.come(version, "writer-2").publish(place.topic("a"), b"", qos)
        reader.send(mqtt.acknowledgement(kind, reader.message().identifier)).expect_end(0x82)


@statements(v5="3.1.2-27 3.3.2-7 4.4.0-1")
def test_what_is_sent_again_needs_no_alias_of_an_earlier_connection(place, version):
    client = subscribed(place, version, "+", properties=[(mp.ALIAS_MAXIMUM, 1)])
    writer = place.writer(version)
    for name, qos in (("a", 1), ("a", 2), ("b", 1), ("a", 1)):
        writer.publish(place.topic(name), name.encode(), qos)
    before = [client.message() for _ in range(4)]
    assert [each.topic for each in before] == [place.topic("a"), "", place.topic("b"), ""]
    client.close()
    back = again(place, version)
    repeated = [back.message() for _ in range(4)]
    assert [(place.relative(each.topic), each.all(mp.ALIAS)) for each in repeated] == [
        (each.payload.decode(), []) for each in before
    ]


@statements(v5="3.1.2-24 3.1.2-25 4.4.0-1")
@pytest.mark.parametrize("qos", [1, 2])
def test_what_would_be_sent_again_and_is_too_long_now_is_left_out(place, version, qos):
    client, writer = subscribed(place, version, "a"), place.writer(version)
    for size in (10, 1_000, 20):
        writer.publish(place.topic("a"), b"x" * size, qos)
    for _ in range(3):
        client.message()
    client.close()
    back, found = again(place, version, properties=[(mp.MAXIMUM_PACKET, 300), (mp.RECEIVE_MAXIMUM, 1)]), []
    while len(found) < 2:
        received = back.packet()
        if received.kind == mqtt.PUBREL:  # The exchange of the one that isn't sent again may be ended.
            back.send(mqtt.packet(mqtt.PUBCOMP, received.body[:2]))
        else:
            found.append(read(received, version))
            back.acknowledge(found[-1])
    assert [len(each.payload) for each in found] == [10, 20]
    assert place.payloads(back, writer) == []


@statements(v5="4.1.0-2 3.1.2-23")
def test_disconnect_may_give_a_session_a_longer_life_and_connect_a_shorter_one(place, version):
    place.come(version, clean=False, expiry=1).disconnect(0, [(mp.SESSION_EXPIRY, 600)])
    place.come(version, "reader-2", clean=False, expiry=600).disconnect()
    again(place, version, client="reader-2", expiry=0).disconnect()
    place.let_seconds_pass(version)
    assert [place.come(version, client, clean=False).present for client in ("reader", "reader-2")] == [True, False]


def exchanges(messages):
    return [(each.payload, each.identifier, each.qos) for each in messages]


def in_flight(place, version):
    """A client with two messages that it hasn't acknowledged, and these."""
    client, writer = subscribed(place, version, "a"), place.writer(version)
    for qos in (1, 2):
        writer.publish(place.topic("a"), b"%d" % qos, qos)
    return client, writer, [client.message(), client.message()]


def are_sent_again(place, version, writer, held):
    repeated = place.heard(again(place, version), writer)
    assert exchanges(repeated) == exchanges(held) and all(each.dup for each in repeated)


@statements(v3="3.10.4-3 4.4.0-1", v5="3.10.4-3 4.4.0-1")
def test_what_is_in_flight_is_sent_again_although_the_client_has_unsubscribed(place, version):
    client, writer, held = in_flight(place, version)
    client.unsubscribe(place.topic("a"))
    client.close()
    are_sent_again(place, version, writer, held)


@statements(v3="4.4.0-1", v5="4.4.0-1")
def test_what_is_in_flight_is_sent_again_although_the_subscription_is_another(place, version):
    client, writer, held = in_flight(place, version)
    assert client.subscribe(place.topic("a"), options=0) == [0]
    client.close()
    are_sent_again(place, version, writer, held)


@statements(v3="4.4.0-1", v5="4.4.0-1", retained=True)
@pytest.mark.parametrize("qos", [1, 2])
def test_a_retained_message_in_flight_is_sent_again(place, version, qos):
    writer = place.writer(version)
    writer.publish(place.topic("a"), b"kept", qos, retain=True)
    client = subscribed(place, version, "a")
    held = client.message()
    client.close()
    are_sent_again(place, version, writer, [held])


@statements(v5="4.1.0-1", retained=True)
def test_a_retained_message_that_waits_is_sent_when_the_client_is_back(place, version):
    writer = place.writer(version)
    for name in ("a", "b", "c"):
        writer.publish(place.topic(name), name.encode(), 1, retain=True)
    client = subscribed(place, version, "+", properties=[(mp.RECEIVE_MAXIMUM, 1)])
    client.message()
    client.close()
    back = again(place, version)
    assert sorted(back.next().payload for _ in range(3)) == [b"a", b"b", b"c"]
    assert place.payloads(back, writer) == []


@statements(v3="4.4.0-1", v5="4.4.0-1 4.3.3-6")
def test_what_is_not_acknowledged_comes_as_often_as_the_client_does(place, version):
    client, writer = subscribed(place, version, "a"), place.writer(version)
    for number in range(3):
        writer.publish(place.topic("a"), b"%d" % number, 2)
    first, *others = (client.message() for _ in range(3))
    client.receive(first)
    client.close()
    for _ in range(3):
        back = again(place, version)
        assert struct.unpack(">H", back.answer(mqtt.PUBREL).body[:2])[0] == first.identifier
        assert exchanges(back.message() for _ in others) == exchanges(others)
        back.close()
    back = again(place, version)
    back.answer(mqtt.PUBREL)
    back.send(mqtt.acknowledgement(mqtt.PUBCOMP, first.identifier))
    _, last = back.message(), back.message()
    back.acknowledge(last)
    back.ping().close()
    assert exchanges(place.heard(again(place, version), writer)) == exchanges(others[:1])
