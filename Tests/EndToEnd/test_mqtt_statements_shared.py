"""MQTT's statements on shared subscriptions: in sections 3.8.3 and 4.8.2."""

import time

import pytest

from support import raw_mqtt as mqtt
from support.statements import COPIES, MALFORMED, PROTOCOL_ERROR, statements

MEMBERS = ("reader-1", "writer-2")  # By separate programs they are at different copies.


def shared(place, name, group="group"):
    return f"$share/{group}-{place.mark}/{place.topic(name)}"


def members(place, version, *options, **session):
    found = []
    for client, each in zip(MEMBERS, options):
        found.append(place.come(version, client, **session))
        assert found[-1].subscribe(shared(place, "a"), options=each) == [each & 3]
    return found


def taken(group, count):
    """So many messages that come to a group, by member."""
    found = {client: [] for client in group}
    deadline = time.monotonic() + 10
    while sum(map(len, found.values())) < count:
        assert time.monotonic() < deadline, f"only {sum(map(len, found.values()))} of {count} came"
        for client in group:
            client.ping()
            while client.unread:
                found[client].append(client.next())
    return list(found.values())


@statements(v5="4.8.2-1 4.8.2-3", shared=True)
def test_each_message_goes_to_one_of_a_group_with_the_qos_that_it_was_granted(place, version):
    writer, alone = place.writer(version), place.reader(version, "a")
    group = members(place, version, 1, 0)
    another = place.come(version, "reader-3")
    assert another.subscribe(shared(place, "a", "other"), options=1) == [1]
    for number in range(40):
        writer.publish(place.topic("a"), b"%d" % number, 2)
    everything = {b"%d" % number for number in range(40)}
    heard = taken(group, 40)
    assert [{each.qos for each in found} for found in heard] == [{1}, {0}]
    found = [each.payload for messages in heard for each in messages]
    assert len(found) == 40 and set(found) == everything
    for each in (alone, another):
        assert {each.next().payload for _ in range(40)} == everything
    for each in (*group, another):
        assert place.payloads(each, writer) == []


@statements(v5="4.8.2-1 4.8.2-2", shared=True)
@pytest.mark.parametrize("wrong", ["$share//{}", "$share/a+/{}", "$share/+/{}", "$share/#/{}", "$share/a", "$share/a/"])
def test_a_shared_filter_needs_the_name_of_a_group_and_a_filter(place, version, wrong):
    client = place.come(version)
    answer = client.send(mqtt.subscribe(wrong.format(place.topic("a")), version=5)).packet()
    assert answer.kind in (mqtt.SUBACK, mqtt.DISCONNECT)
    assert answer.body[-1] in (MALFORMED, PROTOCOL_ERROR, 0x87, 0x8F)


@statements(v5="3.8.3-4", shared=True)
def test_no_local_of_a_shared_filter_is_an_error(place, version):
    data = mqtt.subscribe(shared(place, "a"), options=0x04 | 1, version=5)
    place.come(version).send(data).expect_end(PROTOCOL_ERROR)


@statements(v5="4.8.2-4 4.8.2-5", shared=True)
def test_no_shared_subscription_has_qos_2(place, version):
    """So nothing is begun that one of a group alone could complete."""
    assert place.come(version).subscribe(shared(place, "a")) == [1]


@statements(v5="4.8.2-3", shared=True)
@pytest.mark.parametrize("clean", [True, False])
def test_what_one_of_a_group_has_not_acknowledged_goes_to_another_when_it_leaves(place, version, clean):
    writer, (first,) = place.writer(version), members(place, version, 1, clean=clean)
    for number in range(30):
        writer.publish(place.topic("a"), b"%d" % number, 1)
    kept = [first.message() for _ in range(5)]
    for each in kept[:2]:
        first.acknowledge(each)
    first.ping()
    second = place.come(version, MEMBERS[1])
    assert second.subscribe(shared(place, "a"), options=1) == [1]
    first.close()
    heard = [second.next() for _ in range(28)]
    # Some of the last may have been its before.
    assert {each.payload for each in heard} == {b"%d" % number for number in range(2, 30)}
    assert not any(each.dup for each in heard) and place.payloads(second, writer) == []


@statements(v5="4.8.2-3", shared=True)
def test_what_nobody_of_a_group_can_take_waits_for_those_who_come_back(place, version):
    writer, group = place.writer(version), members(place, version, 1, 1, clean=False)
    for each in group:
        each.disconnect()
    for number in range(20):
        writer.publish(place.topic("a"), b"%d" % number, 1)
    back = place.come(version, MEMBERS[1], clean=False)
    found = [back.next().payload for _ in range(20)]
    # In which order isn't promised where several adapters serve a group [MQTT-4.6.0-6].
    found = sorted(found, key=int) if place.name == COPIES else found
    assert back.present and found == [b"%d" % number for number in range(20)]
    assert place.payloads(place.come(version, MEMBERS[0], clean=False), writer) == []


@statements(v5="4.8.2-6", shared=True)
def test_what_one_of_a_group_refuses_goes_to_nobody_else(place, version):
    writer, (first,) = place.writer(version), members(place, version, 1)
    writer.publish(place.topic("a"), b"refused", 1)
    held = first.message()
    second = place.come(version, MEMBERS[1])
    assert second.subscribe(shared(place, "a"), options=1) == [1]
    first.send(mqtt.packet(mqtt.PUBACK, held.identifier.to_bytes(2) + b"\x97")).ping()
    assert not first.unread
    first.disconnect()
    assert place.payloads(second, writer) == []
