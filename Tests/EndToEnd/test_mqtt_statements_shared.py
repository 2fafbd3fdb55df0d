"""MQTT's statements on shared subscriptions: in sections 3.8.3 and 4.8.2."""

import pytest

from support import raw_mqtt as mqtt
from support.statements import MALFORMED, PROTOCOL_ERROR, statements

MEMBERS = ("reader-1", "writer-2")  # By separate programs they are at different copies.


def shared(place, name, group="group"):
    return f"$share/{group}-{place.mark}/{place.topic(name)}"


def members(place, version, *options, **session):
    found = []
    for client, each in zip(MEMBERS, options):
        found.append(place.come(version, client, **session))
        assert found[-1].subscribe(shared(place, "a"), options=each) == [each & 3]
    return found


@statements(v5="4.8.2-1 4.8.2-3", shared=True)
def test_each_message_goes_to_one_of_a_group_with_the_qos_that_it_was_granted(place, version):
    writer, alone = place.writer(version), place.reader(version, "a")
    group = members(place, version, 1, 0)
    another = place.come(version, "reader-3")
    assert another.subscribe(shared(place, "a", "other")) == [2]
    for number in range(40):
        writer.publish(place.topic("a"), b"%d" % number, 2)
    everything = {b"%d" % number for number in range(40)}
    heard = [place.heard(each, writer) for each in group]
    assert [{each.qos for each in found} <= {granted} for found, granted in zip(heard, (1, 0))] == [True, True]
    found = [each.payload for messages in heard for each in messages]
    assert len(found) == 40 and set(found) == everything
    for each in (alone, another):
        assert set(place.payloads(each, writer)) == everything


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


@statements(v5="4.8.2-4", shared=True, kept=True)
def test_what_one_of_a_group_has_begun_is_completed_with_it(place, version):
    writer, (first, second) = place.writer(version), members(place, version, 2, 2, clean=False)
    second.disconnect()
    writer.publish(place.topic("a"), b"begun", 2)
    held = first.message()
    first.receive(held)
    first.close()
    back = place.come(version, MEMBERS[0], clean=False)
    assert int.from_bytes(back.answer(mqtt.PUBREL).body[:2]) == held.identifier
    back.send(mqtt.acknowledgement(mqtt.PUBCOMP, held.identifier)).ping()
    assert place.payloads(place.come(version, MEMBERS[1], clean=False), writer) == []


@statements(v5="4.8.2-5", shared=True, kept=True)
def test_what_one_of_a_group_has_begun_goes_to_nobody_else_when_its_session_ends(place, version):
    writer, (first,) = place.writer(version), members(place, version, 2, clean=False)
    writer.publish(place.topic("a"), b"begun", 2)
    first.receive(first.message())
    second = place.come(version, MEMBERS[1])
    assert second.subscribe(shared(place, "a")) == [2]
    first.close()
    place.come(version, MEMBERS[0], clean=True)
    assert place.payloads(second, writer) == []


@statements(v5="4.8.2-6", shared=True)
@pytest.mark.parametrize("qos, kind", [(1, mqtt.PUBACK), (2, mqtt.PUBREC)])
def test_what_one_of_a_group_refuses_goes_to_nobody_else(place, version, qos, kind):
    writer, (first,) = place.writer(version), members(place, version, qos)
    writer.publish(place.topic("a"), b"refused", qos)
    held = first.message()
    second = place.come(version, MEMBERS[1])
    assert second.subscribe(shared(place, "a")) == [2]
    first.send(mqtt.packet(kind, held.identifier.to_bytes(2) + b"\x97")).ping()
    assert not first.unread
    first.disconnect()
    assert place.payloads(second, writer) == []
