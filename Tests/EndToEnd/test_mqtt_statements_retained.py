"""MQTT's statements on retained messages: in section 3.3.1."""

import time

import pytest

from support import mqtt_properties as mp
from support import raw_mqtt as mqtt
from support.statements import statements

# Retain Handling of MQTT 5, as it stands in the options.
SEND, IF_NEW, DO_NOT_SEND = 0x00, 0x10, 0x20
AS_PUBLISHED = 0x08


def kept(place, writer, version, *names):
    """What a new subscriber to each of these gets at once; each must have something, or a neighbor must."""
    writer.publish(place.topic("kept/sentinel"), b"sentinel", 1, retain=True)
    reader = place.come(version, "reader-kept")
    assert reader.subscribe(*map(place.topic, (*names, "kept/sentinel")), options=1) == [1] * (len(names) + 1)
    found = []
    while (message := reader.next()).payload != b"sentinel":
        found.append(message)
    found += [each for each in place.heard(reader, writer) if each.payload != b"sentinel"]
    assert all(each.retain for each in found)
    return sorted((place.relative(each.topic), each.payload) for each in found)


@statements(v3="3.3.1-5 3.3.1-6 3.3.1-7 3.3.1-8", v5="3.3.1-5 3.3.1-9", retained=True)
@pytest.mark.parametrize("qos", [0, 1, 2])
def test_the_last_retained_message_of_each_topic_is_sent_to_who_subscribes_later(place, version, qos):
    writer = place.writer(version)
    for name, payload in (("a", b"old"), ("a/b", b"other"), ("a", b"new"), ("c", b"elsewhere")):
        writer.publish(place.topic(name), payload, qos, retain=True)
    writer.publish(place.topic("z"), b"", 1)  # It is answered when all before it has been taken.
    reader = place.reader(version, "a/#")
    found = []
    while len(found) < 2:
        # What is on its way yet may come to the new subscription too.
        found += [each for each in (reader.next(),) if each.retain]
    found += [each for each in place.heard(reader, writer) if each.retain]
    got = sorted((place.relative(each.topic), each.payload, each.qos) for each in found)
    assert got == [("a", b"new", qos), ("a/b", b"other", qos)]


@statements(v3="3.3.1-9", v5="3.3.1-12", retained=True)
@pytest.mark.parametrize("qos", [0, 1, 2])
def test_what_matches_a_subscription_that_is_there_is_not_marked_as_retained(place, version, qos):
    reader, writer = place.reader(version, "a"), place.writer(version)
    for retain in (True, False):
        writer.publish(place.topic("a"), b"live", qos, retain=retain)
        assert not reader.next().retain


@statements(v5="3.3.1-13", retained=True)
@pytest.mark.parametrize("qos", [0, 1, 2])
def test_retain_as_published_keeps_the_mark(place, version, qos):
    reader, writer = place.reader(version, "a", options=AS_PUBLISHED | 2), place.writer(version)
    for retain in (True, False):
        writer.publish(place.topic("a"), b"live", qos, retain=retain)
        assert reader.next().retain == retain


@statements(v3="3.3.1-10 3.3.1-11", v5="3.3.1-6 3.3.1-7", retained=True)
@pytest.mark.parametrize("qos", [0, 1, 2])
def test_an_empty_message_is_delivered_and_removes_what_was_retained(place, version, qos):
    reader, writer = place.reader(version, "a"), place.writer(version)
    for name in ("a", "b"):
        writer.publish(place.topic(name), b"kept", 1, retain=True)
    writer.publish(place.topic("a"), b"", qos, retain=True)
    writer.publish(place.topic("never"), b"", qos, retain=True)
    assert [reader.next().payload for _ in range(2)] == [b"kept", b""]
    assert kept(place, writer, version, "a", "b", "never") == [("b", b"kept")]


@statements(v3="3.3.1-12", v5="3.3.1-8", retained=True)
def test_a_message_without_the_mark_changes_nothing_that_is_retained(place, version):
    writer = place.writer(version)
    writer.publish(place.topic("a"), b"kept", 1, retain=True)
    for qos in (0, 1, 2):
        for payload in (b"passing", b""):
            writer.publish(place.topic("a"), payload, qos)
            writer.publish(place.topic("b"), payload, qos)
    assert kept(place, writer, version, "a", "b") == [("a", b"kept")]


@statements(v5="3.3.1-9 3.3.1-10 3.3.1-11", retained=True)
def test_retain_handling_says_when_they_are_sent(place, version):
    writer = place.writer(version)
    writer.publish(place.topic("a"), b"kept", 1, retain=True)
    reader = place.come(version)
    for handling, count in ((DO_NOT_SEND, 0), (IF_NEW, 0), (SEND, 1), (SEND, 1), (IF_NEW, 0), (DO_NOT_SEND, 0)):
        assert reader.subscribe(place.topic("a"), options=handling | 1) == [1]
        assert [reader.next().payload for _ in range(count)] == [b"kept"] * count
        assert place.payloads(reader, writer) == []
    assert reader.unsubscribe(place.topic("a")) == [0]
    assert reader.subscribe(place.topic("a"), options=IF_NEW | 1) == [1]
    assert reader.next().payload == b"kept"


@statements(v3="3.1.2-7", v5="4.1.0-2", retained=True)
def test_what_is_retained_is_no_part_of_a_session(place, version):
    writer = place.come(version, "writer", clean=False)
    writer.publish(place.topic("a"), b"kept", 1, retain=True)
    writer.disconnect()
    fresh = place.come(version, "writer", clean=True)
    assert not fresh.present
    assert kept(place, fresh, version, "a") == [("a", b"kept")]


@statements(v5="3.3.4-3 3.3.4-4", retained=True)
def test_a_retained_message_carries_the_identifier_of_the_subscription_that_brings_it(place, version):
    writer = place.writer(version)
    writer.publish(place.topic("a"), b"kept", 1, retain=True)
    reader = place.come(version)
    for name, identifier in (("a", 3), ("+", 4)):
        assert reader.subscribe(place.topic(name), properties=[(mp.SUBSCRIPTION, identifier)]) == [2]
        assert identifier in reader.next().all(mp.SUBSCRIPTION)


@statements(v5="3.3.2-5 3.3.2-6", retained=True)
def test_a_retained_message_ages_too(place, version):
    writer = place.writer(version)
    for name, seconds in (("a", 1), ("b", 60)):
        writer.publish(place.topic(name), name.encode(), 1, [(mp.EXPIRY, seconds)], retain=True)
    place.let_seconds_pass(version)
    assert kept(place, writer, version, "a", "b") == [("b", b"b")]
    left = place.reader(version, "b", client="reader-2").next().all(mp.EXPIRY)
    assert len(left) == 1 and 55 < left[0] < 60


def retain(writer, names, payload):
    """So many that the answers are read behind each hundred."""
    for start in range(0, len(names), 100):
        part = [(writer.next_identifier(), name) for name in names[start : start + 100]]
        version = writer.version
        writer.send(b"".join(mqtt.publish(name, payload, 1, each, retain=True, version=version) for each, name in part))
        for _ in part:
            writer.answer(mqtt.PUBACK)


@statements(
    v3="3.3.1-6",
    v5="3.3.1-9",
    retained=True,
)
def test_a_client_that_is_slow_gets_all_of_many(place, version):
    writer, names = place.writer(version), [place.topic(f"many/{number}") for number in range(1_400)]
    retain(writer, names, b"kept")
    reader, found = place.reader(version, "many/+", options=1), []
    for _ in range(200):
        reader.ping()
    heard = time.monotonic()
    while len(found) < len(names) and time.monotonic() < heard + 0.7:
        while reader.ping().unread:
            found.append(reader.next().topic)
            heard = time.monotonic()
    retain(writer, names, b"")
    assert sorted(found) == sorted(names)
