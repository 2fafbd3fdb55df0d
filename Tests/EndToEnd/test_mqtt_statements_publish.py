"""MQTT's statements on PUBLISH but for those on retained messages: section 3.3."""

import struct

import pytest

from support import mqtt_properties as mp
from support import raw_mqtt as mqtt
from support.statements import KEYED, MALFORMED, PROTOCOL_ERROR, SUCCESS, WITH_KEYS, statements


@statements(v3="3.3.1-2 3.3.1-3 4.3.1-1", v5="3.3.1-2 3.3.1-3 4.3.1-1 4.3.2-2 4.3.3-2")
def test_what_is_sent_for_the_first_time_is_no_duplicate_whatever_it_was_for_the_server(place, version):
    reader, writer = place.reader(version, "a"), place.writer(version)
    for qos in (0, 1, 2):
        writer.publish(place.topic("a"), b"", qos, duplicate=qos > 0)
        message = reader.next()
        assert (message.qos, message.dup) == (qos, False)


@statements(v3="3.3.1-2", v5="3.3.1-2")
def test_a_duplicate_of_qos_0_ends_the_connection(place, version):
    data = mqtt.publish(place.topic("a"), duplicate=True, version=version)
    place.come(version).send(data).expect_end(MALFORMED, PROTOCOL_ERROR)


@statements(v3="3.3.1-4", v5="3.3.1-4")
def test_qos_3_ends_the_connection(place, version):
    reader = place.reader(version, "a")
    for flags in (0x06, 0x0E, 0x07):
        data = mqtt.publish(place.topic("a"), b"bad", 1, version=version)
        place.come(version, "").send(bytes([0x30 | flags]) + data[1:]).expect_end(MALFORMED)
    assert place.payloads(reader, place.writer(version)) == []


def refuses(client, data, kind, *reasons):
    """MQTT 5 is told by an acknowledgement or by DISCONNECT, earlier versions by the end of the connection."""
    client.send(data)
    if client.version == 4:
        return client.expect_end()
    answer = client.packet()
    reason = answer.body[2] if answer.kind == kind else answer.body[0]
    assert answer.kind in (kind, mqtt.DISCONNECT) and reason in reasons, answer
    assert answer.kind == kind or client.packets_until_closed() == []


@statements(v3="3.3.2-2 4.7.1-1", v5="3.3.2-2 4.7.0-1")
@pytest.mark.parametrize("name", ["#", "a/#", "+", "a/+/b", "a+", "a#b"])
def test_a_topic_name_has_no_wildcard(place, version, name):
    reader = place.reader(version, "#")
    for qos, kind in ((1, mqtt.PUBACK), (2, mqtt.PUBREC)):
        data = mqtt.publish(place.topic(name), b"bad", qos, version=version)
        refuses(place.come(version, ""), data, kind, MALFORMED, PROTOCOL_ERROR, 0x90)
    assert place.payloads(reader, place.writer(version)) == []


@statements(v3="4.7.3-1", v5="4.7.3-1")
def test_an_empty_topic_name_ends_the_connection(place, version):
    data = mqtt.publish("", b"", 1, version=version)
    place.come(version).send(data).expect_end(MALFORMED, PROTOCOL_ERROR)


@statements(v5="3.3.2-14")
@pytest.mark.parametrize("name", ["#", "a/#", "a/+", "+/b"])
def test_a_response_topic_has_no_wildcard(place, version, name):
    data = mqtt.publish(place.topic("a"), b"", 1, version=5, properties=mp.encoded([(mp.RESPONSE_TOPIC, name)]))
    place.come(version).send(data).expect_end(MALFORMED, PROTOCOL_ERROR, 0x90)


GIVEN = [
    (mp.FORMAT, 0),
    (mp.FORMAT, 1),
    (mp.RESPONSE_TOPIC, "an/answer/ü"),
    (mp.CORRELATION, b"\0\x01\xff"),
    (mp.CORRELATION, b""),
    (mp.CONTENT_TYPE, "text/plain; charset=utf-8"),
    (mp.CONTENT_TYPE, "unheard/of"),
    (mp.USER, ("", "")),
    (mp.USER, ("ключ", "\ufeffvalue")),
]


@statements(v5="3.3.2-4 3.3.2-15 3.3.2-16 3.3.2-17 3.3.2-18 3.3.2-20")
@pytest.mark.parametrize("qos", [0, 1, 2])
def test_properties_are_passed_on_as_they_were_given(place, version, qos):
    reader, writer = place.reader(version, "a"), place.writer(version)
    for each in GIVEN:
        writer.publish(place.topic("a"), b"", qos, [each])
        assert reader.next().properties == [each]
    user = [(mp.USER, (name, value)) for name, value in ("b1", "a2", "b3", "b1", "a0")]
    everything = [GIVEN[1], GIVEN[2], *user[:2], GIVEN[3], GIVEN[5], *user[2:]]
    writer.publish(place.topic("a"), b"", qos, everything)
    properties = reader.next().properties
    assert sorted(map(repr, properties)) == sorted(map(repr, everything))
    assert [each for each in properties if each[0] == mp.USER] == user


@statements(v5="3.3.2-5 3.3.2-6 4.3.3-8 4.3.3-13")
def test_a_message_says_how_long_it_still_lives_and_is_not_sent_when_it_is_too_old(place, version):
    reader, writer = place.reader(version, "a", properties=[(mp.RECEIVE_MAXIMUM, 1)]), place.writer(version)
    for number, qos, seconds in ((0, 1, 60), (1, 1, 60), (2, 1, 1), (3, 2, 1), (4, 1, None)):
        properties = [(mp.EXPIRY, seconds)] if seconds else []
        writer.publish(place.topic("a"), b"%d" % number, qos, properties)
    data = mqtt.publish(place.topic("a"), b"5", 2, 77, version=5, properties=mp.encoded([(mp.EXPIRY, 1)]))
    assert writer.answer_to(data, mqtt.PUBREC, 77) == SUCCESS
    first = reader.message()
    assert first.all(mp.EXPIRY) in ([60], [59])
    place.let_seconds_pass(version)
    reader.acknowledge(first)
    waited, last = place.heard(reader, writer)
    assert (waited.payload, last.payload, last.all(mp.EXPIRY)) == (b"1", b"4", [])
    assert len(waited.all(mp.EXPIRY)) == 1 and 55 < waited.all(mp.EXPIRY)[0] < 60
    # The exchange of one that has expired goes on.
    assert writer.answer_to(mqtt.acknowledgement(mqtt.PUBREL, 77), mqtt.PUBCOMP, 77) == SUCCESS


@statements(v5="3.3.2-12 3.3.2-7")
def test_topic_aliases_hold_for_one_connection(place, version):
    reader, writer = place.reader(version, "#"), place.writer(version)
    maximum = writer.granted[mp.ALIAS_MAXIMUM]
    for alias in range(1, maximum + 1):
        writer.publish(place.topic(f"a/{alias}"), b"", 1, [(mp.ALIAS, alias)])
    for alias in range(1, maximum + 1):
        writer.publish("", b"", 1, [(mp.ALIAS, alias)])
    writer.publish(place.topic("b"), b"", 1, [(mp.ALIAS, 1)])
    writer.publish("", b"", 1, [(mp.ALIAS, 1)])
    names = [place.relative(reader.next().topic) for _ in range(2 * maximum + 2)]
    assert names == [f"a/{alias}" for alias in range(1, maximum + 1)] * 2 + ["b", "b"]
    again = place.writer(version)
    again.send(mqtt.publish("", b"", 1, version=5, properties=b"\x23\0\1")).expect_end(PROTOCOL_ERROR, 0x94)


@statements(v3="3.3.4-1", v5="3.3.4-1")
def test_the_answer_to_a_message_is_that_of_its_qos(place, version):
    client, name = place.come(version), place.topic("a")
    client.send(mqtt.publish(name, version=version)).ping()
    client.send(mqtt.publish(name, b"", 1, 7, version=version))
    assert client.packet().kind == mqtt.PUBACK
    client.send(mqtt.publish(name, b"", 2, 8, version=version))
    assert client.packet().kind == mqtt.PUBREC
    client.ping()


@statements(v3="3.3.5-1", v5="3.3.4-2")
def test_overlapping_filters_deliver_with_the_highest_qos(place, version):
    reader, writer = place.come(version), place.writer(version)
    for name, qos in (("a/#", 0), ("a/b", 2), ("+/b", 1)):
        assert reader.subscribe(place.topic(name), options=qos) == [qos]
    for qos in (2, 1, 0):
        writer.publish(place.topic("a/b"), b"%d" % qos, qos)
        writer.publish(place.topic("c/b"), b"less", qos)
    heard = [(each.payload, each.qos) for each in place.heard(reader, writer)]
    assert [each for each in heard if each[0] != b"less"] == [(b"2", 2), (b"1", 1), (b"0", 0)]
    assert [each for each in heard if each[0] == b"less"] == [(b"less", 1), (b"less", 1), (b"less", 0)]


@statements(v5="3.3.4-3 3.3.4-4")
@pytest.mark.parametrize("qos", [0, 1, 2])
def test_a_message_carries_the_identifiers_of_all_filters_that_it_matches(place, version, qos):
    reader, writer = place.come(version), place.writer(version)
    for name, identifier in (("a/#", 1), ("a/b", 0x0FFFFFFF), ("+/b", None), ("+/+", 200)):
        properties = [(mp.SUBSCRIPTION, identifier)] if identifier else []
        assert reader.subscribe(place.topic(name), properties=properties) == [2]
    for name in ("a/b", "a", "c/b"):
        writer.publish(place.topic(name), name.encode(), qos)
    found = {each.payload: sorted(each.all(mp.SUBSCRIPTION)) for each in place.heard(reader, writer)}
    assert found == {b"a/b": [1, 200, 0x0FFFFFFF], b"a": [1], b"c/b": [200]}


@statements(v5="3.3.4-6")
def test_a_client_that_sends_a_subscription_identifier_is_cut_off(place, version):
    reader = place.reader(version, "a")
    data = mqtt.publish(place.topic("a"), b"", version=5, properties=mp.encoded([(mp.SUBSCRIPTION, 1)]))
    place.come(version, "").send(data).expect_end(PROTOCOL_ERROR)
    assert place.payloads(reader, place.writer(version)) == []


@statements(v3="3.3.5-2", v5="3.4.2-1 3.5.2-1", at=WITH_KEYS)
def test_who_may_not_publish_is_refused(place, version):
    for qos, kind in ((1, mqtt.PUBACK), (2, mqtt.PUBREC)):
        data = mqtt.publish("channels/00000000-0000-4000-8000-000000000000/messages", b"", qos, version=version)
        client = place.come(version, "").send(data)
        if version == 4:
            client.expect_end()
        else:
            answer = client.packet()
            assert (answer.kind, answer.body[2]) == (kind, 0x87)
            client.ping()


@statements(v5="3.3.4-7")
def test_more_messages_at_once_than_the_server_takes_end_the_connection(place, version):
    client = place.come(version)
    limit = client.granted[mp.RECEIVE_MAXIMUM]
    name = place.topic("a")
    within = b"".join(mqtt.publish(name, b"", 2, number + 1, version=5) for number in range(limit))
    client.send(within)
    for number in range(limit):
        assert struct.unpack(">H", client.answer(mqtt.PUBREC).body[:2])[0] == number + 1
    client.send(mqtt.publish(name, b"", 2, limit + 1, version=5)).expect_end(0x93)


@statements(v5="3.3.4-9 4.9.0-1 4.9.0-2")
@pytest.mark.parametrize("limit", [1, 3])
def test_the_server_has_no_more_unacknowledged_than_the_client_takes(place, version, limit):
    reader, writer = place.reader(version, "a", properties=[(mp.RECEIVE_MAXIMUM, limit)]), place.writer(version)
    for number in range(9):
        writer.publish(place.topic("a"), b"%d" % number, 1 + number % 2)
    held = [reader.message() for _ in range(limit)]
    heard = [each.payload for each in held]
    while len(heard) < 9:
        # QoS 0 isn't counted, so what comes next before the answer to a ping shows that nothing else does.
        writer.publish(place.topic("a"), b"now", 0)
        assert reader.message().payload == b"now"
        message = held.pop(0)
        if message.qos == 2:
            reader.receive(message)
            reader.ping()
            assert not reader.unread
            reader.send(mqtt.acknowledgement(mqtt.PUBCOMP, message.identifier))
        else:
            reader.acknowledge(message)
        held.append(reader.message())
        heard.append(held[-1].payload)
    assert heard == [b"%d" % number for number in range(9)]


@statements(v5="3.3.4-8 3.3.4-10 4.9.0-3")
def test_whose_window_is_full_is_answered_all_the_same(place, version):
    reader, writer = place.reader(version, "a", properties=[(mp.RECEIVE_MAXIMUM, 1)]), place.writer(version)
    for _ in range(2):
        writer.publish(place.topic("a"), b"", 2)
    held = reader.message()
    reader.ping()
    assert reader.subscribe(place.topic("b")) == [2] and reader.unsubscribe(place.topic("b")) == [0]
    for qos in (0, 1, 2):
        reader.publish(place.topic("c"), b"", qos)
    reader.receive(held)
    assert not reader.unread


@statements(v3="3.3.2-3", v5="3.3.2-3", at=(KEYED,))
def test_the_topic_of_a_message_with_a_content_type_matches_the_filter(place, version):
    """Where types are part of topics, a filter with a type gets the name with it."""
    reader, writer = place.reader(version, "a", "a/ct/text_plain"), place.writer(version)
    writer.publish(place.topic("a/ct/text_plain"), b"", 1)
    names = sorted(place.relative(each.topic) for each in place.heard(reader, writer))
    assert names == ["a", "a/ct/text_plain"]
