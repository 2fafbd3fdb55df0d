"""MQTT's statements on how messages of each QoS are exchanged, and on their order: sections 4.3 and 4.6."""

import pytest

from support import raw_mqtt as mqtt
from support.statements import KEYED, SUCCESS, WITH_KEYS, statements


@statements(v3="4.3.2-2", v5="4.3.2-4 4.3.2-5")
def test_an_acknowledged_identifier_of_qos_1_is_free_again(place, version):
    reader, writer, name = place.reader(version, "a"), place.writer(version), place.topic("a")
    for payload, duplicate in ((b"one", False), (b"two", False), (b"three", True)):
        data = mqtt.publish(name, payload, 1, 7, duplicate=duplicate, version=version)
        assert writer.answer_to(data, mqtt.PUBACK, 7) == SUCCESS
    assert place.payloads(reader, writer) == [b"one", b"two", b"three"]


@statements(v3="4.3.3-2", v5="4.3.3-8 4.3.3-10 4.3.3-11 4.3.3-12")
def test_a_message_of_qos_2_is_taken_once_until_it_is_released(place, version):
    reader, writer, name = place.reader(version, "a"), place.writer(version), place.topic("a")
    for payload in (b"one", b"two"):
        for duplicate in (False, True, True):
            data = mqtt.publish(name, payload, 2, 7, duplicate=duplicate, version=version)
            assert writer.answer_to(data, mqtt.PUBREC, 7) == SUCCESS
        assert writer.answer_to(mqtt.acknowledgement(mqtt.PUBREL, 7), mqtt.PUBCOMP, 7) == SUCCESS
        # It may be that the answer was lost.
        assert writer.answer_to(mqtt.acknowledgement(mqtt.PUBREL, 7), mqtt.PUBCOMP, 7) == (0x92 if version == 5 else 0)
    assert place.payloads(reader, writer) == [b"one", b"two"]


@statements(v5="4.3.3-9", at=WITH_KEYS)
def test_an_identifier_of_qos_2_whose_message_was_refused_is_free(place, version):
    reader, writer = place.reader(version, "a"), place.writer(version)
    for name, code in ((place.refused, 0x90), (place.topic("a"), SUCCESS)):
        assert writer.answer_to(mqtt.publish(name, b"once", 2, 7, version=5), mqtt.PUBREC, 7) == code
    assert writer.answer_to(mqtt.acknowledgement(mqtt.PUBREL, 7), mqtt.PUBCOMP, 7) == SUCCESS
    assert place.payloads(reader, writer) == [b"once"]


@statements(v3="2.3.1-6 4.3.2-1 4.3.3-1", v5="4.3.2-3 4.3.3-3 4.3.3-4 4.3.3-5 4.3.3-6 4.4.0-1")
def test_the_server_keeps_to_the_exchange_of_each_message(place, version):
    reader, writer = place.reader(version, "a"), place.writer(version)
    for number, qos in enumerate((1, 2, 2)):
        writer.publish(place.topic("a"), b"%d" % number, qos)
    first, second, third = (reader.message() for _ in range(3))
    # In an order of the client's own; `receive` looks at the identifier of each PUBREL.
    reader.receive(third)
    reader.receive(second)
    reader.send(mqtt.acknowledgement(mqtt.PUBCOMP, third.identifier))
    # A PUBREL that isn't answered yet is asked for again, the message never comes again.
    reader.receive(second)
    reader.ping()
    assert not reader.unread
    reader.send(mqtt.acknowledgement(mqtt.PUBCOMP, second.identifier))
    reader.acknowledge(first)
    assert place.payloads(reader, writer) == []


@statements(v3="4.6.0-5 4.6.0-6", v5="4.6.0-5 4.6.0-6")
@pytest.mark.parametrize("granted", [0, 1, 2])
@pytest.mark.parametrize("sent", [0, 1, 2])
def test_messages_of_a_client_come_in_their_order(place, version, sent, granted):
    reader, writer = place.come(version), place.writer(version)
    assert reader.subscribe(place.topic("a/+"), options=granted) == [granted]
    names = [place.topic("a/b"), place.topic("a/c")]
    packets = [
        mqtt.publish(names[number % 2], b"%d" % number, sent, number + 1 if sent else None, version=version)
        for number in range(120)
    ]
    writer.send(b"".join(packets))
    assert [int(reader.next().payload) for _ in range(120)] == list(range(120))
    for number in range(120 if sent else 0):
        assert writer.answer({1: mqtt.PUBACK, 2: mqtt.PUBREC}[sent]).body[:2] == (number + 1).to_bytes(2)


@statements(v3="4.6.0-6", v5="4.6.0-5")
def test_the_server_answers_in_the_order_in_which_it_was_sent_to(place, version):
    writer, name = place.writer(version), place.topic("a")
    kinds = [mqtt.PUBACK, mqtt.PUBREC] * 30
    identifiers = [(number * 977) % 60_000 + 1 for number in range(60)]
    writer.send(
        b"".join(
            mqtt.publish(name, b"", 1 if kind == mqtt.PUBACK else 2, identifier, version=version)
            for kind, identifier in zip(kinds, identifiers)
        )
    )
    answers = [writer.packet() for _ in kinds]
    assert [(each.kind, int.from_bytes(each.body[:2])) for each in answers] == list(zip(kinds, identifiers))
    released = [identifier for kind, identifier in zip(kinds, identifiers) if kind == mqtt.PUBREC]
    writer.send(b"".join(mqtt.acknowledgement(mqtt.PUBREL, identifier) for identifier in released))
    answers = [writer.packet() for _ in released]
    assert {each.kind for each in answers} == {mqtt.PUBCOMP}
    assert [int.from_bytes(each.body[:2]) for each in answers] == released


@statements(v5="2.2.1-4", at=(KEYED,))
def test_an_identifier_that_is_held_is_passed_over_when_they_begin_anew(place, version):
    reader, writer, name = place.reader(version, "a"), place.writer(version), place.topic("a")
    writer.publish(name, b"held", 2)
    held, seen, count = reader.message(), 0, 500
    packet = b"".join(mqtt.publish(name, b"", 1, number + 1, version=version) for number in range(count))
    while seen < 66_000:
        writer.send(packet)
        for _ in range(count):
            message = reader.message()
            assert message.identifier not in (0, held.identifier)
            reader.send(mqtt.acknowledgement(mqtt.PUBACK, message.identifier))
        for _ in range(count):
            writer.answer(mqtt.PUBACK)
        seen += count
    reader.acknowledge(held)
