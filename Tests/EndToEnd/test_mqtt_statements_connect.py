"""MQTT's statements on CONNECT and CONNACK: sections 3.1 and 3.2, but for wills."""

import struct
import time

import pytest

from support import mqtt_properties as mp
from support import raw_mqtt as mqtt
from support.api import Account
from support.listeners import topic
from support.sessions import Returning
from support.statements import COPIES, MALFORMED, PROTOCOL_ERROR, SUCCESS, WITH_KEYS, Will, read, statements

TOO_LONG = "c" * 257
ALPHANUMERIC = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def refusal(place, version, data):
    """The CONNACK that refuses; behind it the connection ends."""
    client = place.connection(version).send(data).connack()
    assert client.code != SUCCESS and not client.present and client.packets_until_closed() == []
    return client.code


def body(version, flags, *fields, name="MQTT", level=None, properties=b"\0"):
    middle = properties if version == 5 else b""
    start = mqtt.text(name) + bytes([level or version, flags]) + b"\0\x3c"
    return mqtt.packet(mqtt.CONNECT, start + middle + b"".join(fields))


@statements(v3="3.1.0-1", v5="3.1.0-1 3.14.0-1")
def test_what_comes_before_connect_ends_the_connection(place, version):
    for data in (
        mqtt.publish(place.topic("a"), b"", 1, version=version),
        mqtt.subscribe(place.topic("a"), version=version),
        mqtt.packet(mqtt.PINGREQ),
        mqtt.packet(mqtt.DISCONNECT),
        mqtt.packet(mqtt.AUTH, b"\x18\0"),
    ):
        assert place.connection(version).send(data + place.connect(version)).packets_until_closed() == []


@statements(v3="3.1.0-2", v5="3.1.0-2")
def test_a_second_connect_ends_the_connection(place, version):
    client = place.come(version)
    client.send(place.connect(version)).expect_end(PROTOCOL_ERROR)


@statements(v3="3.1.2-1", v5="3.1.2-1")
@pytest.mark.parametrize("name", ["MQTTX", "mqtt", "MQT", "", "XMTP"])
def test_another_protocol_name_is_not_let_in(place, version, name):
    client = place.connection(version).send(body(version, 2, mqtt.text("c"), name=name))
    for each in client.packets_until_closed():
        assert each.kind == mqtt.CONNACK and each.body[1] in (0x01, 0x84)


@statements(v3="3.1.2-2")
@pytest.mark.parametrize("level", [1, 2])
def test_an_older_level_is_told_that_it_is_not_spoken(place, version, level):
    assert refusal(place, 4, body(4, 2, mqtt.text("c"), level=level)) == 0x01


@statements(v5="3.1.2-2")
@pytest.mark.parametrize("level", [6, 0x7F, 0x85, 0xFF])
def test_a_later_level_is_told_that_it_is_not_spoken(place, version, level):
    assert refusal(place, 5, body(5, 2, mqtt.text("c"), level=level)) == 0x84


def malformed(version):
    """CONNECT packets that don't keep to section 3.1, each with a name."""
    will = (b"\0" if version == 5 else b"") + mqtt.text("a") + mqtt.text("b")
    client = mqtt.text("c")
    yield "the reserved flag", body(version, 0x03, client)
    yield "a will's QoS without a will", body(version, 0x0A, client)
    yield "a will's retain without a will", body(version, 0x22, client)
    yield "a will of QoS 3", body(version, 0x1E, client, will)
    yield "no fields of the will", body(version, 0x06, client)
    yield "half a will", body(version, 0x06, client, will[:-3])
    yield "a will that no flag tells of", body(version, 0x02, client, will)
    yield "a username that no flag tells of", body(version, 0x02, client, mqtt.text("u"))
    yield "no username", body(version, 0x82, client)
    yield "a password that no flag tells of", body(version, 0x82, client, mqtt.text("u"), mqtt.text("p"))
    yield "no password", body(version, 0xC2, client, mqtt.text("u"))
    yield "no client identifier", body(version, 0x02)
    yield "something behind the end", body(version, 0x02, client, b"x")
    yield "an end in the keep alive", mqtt.packet(mqtt.CONNECT, mqtt.text("MQTT") + bytes([version, 2, 0]))
    if version == 4:
        yield "a password without a username", body(4, 0x42, client, mqtt.text("p"))
        return
    for name, properties in (
        ("Receive Maximum 0", [(mp.RECEIVE_MAXIMUM, 0)]),
        ("Maximum Packet Size 0", [(mp.MAXIMUM_PACKET, 0)]),
        ("a property twice", [(mp.SESSION_EXPIRY, 1), (mp.SESSION_EXPIRY, 1)]),
        ("a property of others", [(mp.ALIAS, 1)]),
        ("Authentication Data alone", [(mp.DATA, b"x")]),
        ("Request Problem Information 2", [(mp.PROBLEM_INFORMATION, 2)]),
    ):
        data = mp.encoded(properties)
        yield name, body(5, 0x02, client, properties=mqtt.number(len(data)) + data)


@statements(
    v3="3.1.2-3 3.1.2-9 3.1.2-11 3.1.2-13 3.1.2-14 3.1.2-15 3.1.2-18 3.1.2-19 3.1.2-20 3.1.2-21 3.1.2-22 3.1.3-3 "
    "3.1.4-1 3.2.2-6",
    v5="3.1.2-3 3.1.2-9 3.1.2-11 3.1.2-12 3.1.2-13 3.1.2-16 3.1.2-17 3.1.2-18 3.1.2-19 3.1.3-3 3.1.4-1",
)
def test_a_malformed_connect_is_not_let_in(place, version):
    for name, data in malformed(version):
        words = place.connection(version).send(data).packets_until_closed()
        # MQTT 5 may be told, earlier versions aren't.
        codes = [(each.kind, each.body[0], each.body[1]) for each in words]
        told = [(mqtt.CONNACK, 0, MALFORMED)], [(mqtt.CONNACK, 0, PROTOCOL_ERROR)]
        assert codes in told if version == 5 else codes == [], name


@statements(v3="3.1.3-1", v5="3.1.3-1")
def test_the_fields_of_connect_come_in_their_order(place, version):
    listener = place.reader(version, "#")
    client = place.come(version, "writer", will=Will(place.topic("gone"), b"last words"))
    client.close()
    # In another order the client wouldn't be let in where there are keys, and the will would be another.
    message = listener.next()
    assert (place.relative(message.topic), message.payload) == ("gone", b"last words")


@statements(v3="3.1.3-5", v5="3.1.3-5")
def test_a_client_identifier_may_be_of_1_to_23_letters_and_digits(place, version):
    for identifier in ("x", ALPHANUMERIC[:23], ALPHANUMERIC[23:46], ALPHANUMERIC[-23:]):
        client = place.connection(version).send(place.connect(version, identifier, exactly=True))
        client.accepted().ping().close()


@statements(v3="3.1.3-6", v5="3.1.3-6 3.1.3-7 3.2.2-16")
def test_who_has_no_client_identifier_is_given_one_of_its_own(place, version):
    clients = [place.come(version, "") for _ in range(3)]
    for each in clients:
        each.ping()
    if version == 5:
        names = [each.granted[mp.ASSIGNED_CLIENT] for each in clients]
        assert len(set(names)) == 3 and all(names)
        # It is as if the client had sent it: who comes with it takes over.
        again = place.connection(5, "").send(place.connect(5, names[0], exactly=True)).accepted()
        clients[0].expect_end(0x8E)
        assert mp.ASSIGNED_CLIENT not in again.granted


@statements(v3="3.1.3-7 3.1.3-8")
def test_an_empty_client_identifier_needs_a_clean_session(place, version):
    assert refusal(place, 4, place.connect(4, "", clean=False, exactly=True)) == 0x02


@statements(v3="3.1.3-9 3.2.2-4 3.2.2-5", v5="3.1.3-8 3.2.2-6 3.2.2-7 3.2.2-8 4.13.2-1")
def test_a_client_identifier_that_is_refused_is_told_and_the_connection_ends(place, version):
    code = refusal(place, version, place.connect(version, TOO_LONG, exactly=True))
    assert code == (0x85 if version == 5 else 0x02)


@statements(v3="3.2.2-4 3.2.2-5 3.1.4-5", v5="3.1.4-2 3.1.4-6 3.2.2-6 3.2.2-7 3.2.2-8", at=WITH_KEYS)
@pytest.mark.parametrize("shown", ["no-such-key", ""])
def test_who_does_not_prove_who_it_is_is_not_let_in(place, version, shown):
    reader, (username, _) = place.reader(version, "a"), place.credentials("writer")
    behind = mqtt.publish(place.topic("a"), b"refused", 1, version=version)
    code = refusal(place, version, mqtt.connect("c", username, shown, version=version) + behind)
    assert code in ((0x86, 0x87) if version == 5 else (4, 5))
    assert place.payloads(reader, place.writer(version)) == []


@statements(v3="3.1.4-5", v5="3.1.4-6")
def test_nothing_behind_a_refused_connect_is_looked_at(place, version):
    reader = place.reader(version, "a")
    behind = mqtt.publish(place.topic("a"), b"refused", 1, version=version) + mqtt.packet(mqtt.PINGREQ)
    refusal(place, version, place.connect(version, TOO_LONG, exactly=True) + behind)
    assert place.payloads(reader, place.writer(version)) == []


@statements(v3="3.1.3-2 3.1.4-2", v5="3.1.3-2 3.1.4-3 3.14.2-1 3.14.2-2 3.14.4-1 3.14.4-2")
def test_the_same_client_takes_over_from_itself(place, version):
    # By separate programs the second comes by another copy.
    older, another = place.come(version), place.come(version, "reader-2")
    newer = place.come(version)
    words = older.packets_until_closed()
    if version == 5:
        assert [(each.kind, each.body[0]) for each in words] == [(mqtt.DISCONNECT, 0x8E)]
        assert mp.SESSION_EXPIRY not in dict(mp.split(words[0].body[1:] or b"\0")[0])
    else:
        assert words == []
    newer.ping()
    another.ping()


@statements(v3="3.1.4-4 3.2.0-1", v5="3.1.4-5 3.2.0-1 3.2.0-2 3.2.2-8")
def test_the_first_packet_is_one_connack(place, version):
    name = place.topic("a")
    reader, client = place.reader(version, "#"), place.connection(version, "writer")
    everything = place.connect(version, "writer") + mqtt.packet(mqtt.PINGREQ) + mqtt.subscribe(name, version=version)
    client.send(everything + mqtt.publish(name, b"early", version=version) + mqtt.packet(mqtt.PINGREQ))
    first = client.packet()
    assert (first.kind, first.body[1]) == (mqtt.CONNACK, SUCCESS)
    behind = [client.packet() for _ in range(4)]
    assert mqtt.CONNACK not in [each.kind for each in behind]
    assert {each.kind for each in behind} == {mqtt.PINGRESP, mqtt.SUBACK, mqtt.PUBLISH}
    assert reader.next().payload == b"early"


@statements(v3="3.2.2-1", v5="3.2.2-1 3.2.2-2")
def test_a_clean_start_has_no_session_present(place, version):
    for _ in range(2):
        client = place.come(version)
        assert client.subscribe(place.topic("a")) == [2]
        assert not client.present
        client.close()
    if not place.name == COPIES:
        place.come(version, "reader-2", clean=False).close()
        assert not place.come(version, "reader-2").present


@statements(v3="3.1.2-24", v5="3.1.2-22 3.2.2-22")
def test_who_is_silent_for_one_and_a_half_times_the_keep_alive_is_cut_off(place):
    listener, began = place.reader(4, "gone/#"), time.monotonic()
    silent = [
        place.come(version, f"writer-{version}", keep_alive=1, will=Will(place.topic(f"gone/{version}"), b"", 1))
        for version in (4, 5)
    ]
    for each in silent:
        assert mp.SERVER_KEEP_ALIVE not in each.granted
        each.expect_end(0x8D)
        assert 1.4 < time.monotonic() - began < 3
    # As if the network had failed: the wills are published.
    gone = {place.relative(listener.next().topic) for _ in silent}
    assert gone == {"gone/4", "gone/5"}


@statements(v5="3.1.2-24 3.1.2-25")
def test_no_packet_is_longer_than_the_client_takes_it(place, version):
    limit = 200
    options = {"properties": [(mp.MAXIMUM_PACKET, limit), (mp.RECEIVE_MAXIMUM, 1)]}
    reader, writer = place.reader(version, "a", **options), place.writer(version)
    overhead = 1 + 2 + len(mqtt.text(place.topic("a"))) + 1
    for qos in (0, 1, 2):
        fits = limit - overhead - (2 if qos else 0)
        writer.publish(place.topic("a"), b"x" * (fits + 1), qos)
        writer.publish(place.topic("a"), b"y" * fits, qos)
        delivered = reader.packet()
        assert len(mqtt.packet(delivered.kind, delivered.body)) == limit
        message = read(delivered, 5)
        # What was too long is as if it had been sent: with one in flight at most, the next has come all the same.
        assert message.payload == b"y" * fits
        reader.acknowledge(message)
        reader.ping()


@statements(v5="3.1.2-26 3.1.2-27 3.3.2-8 3.3.2-11")
@pytest.mark.parametrize("maximum", [None, 0, 2])
def test_the_server_uses_no_more_topic_aliases_than_the_client_takes(place, version, maximum):
    properties = [] if maximum is None else [(mp.ALIAS_MAXIMUM, maximum)]
    reader, writer = place.reader(version, "#", properties=properties), place.writer(version)
    known, names = {}, [f"level/{number}" for number in range(5)] * 3
    for number, name in enumerate(names):
        writer.publish(place.topic(name), b"", number % 3)
        message = reader.next()
        aliases = message.all(mp.ALIAS)
        assert len(aliases) <= 1 and all(1 <= each <= (maximum or 0) for each in aliases)
        for alias in aliases:
            known[alias] = message.topic or known[alias]
        assert (message.topic or known[aliases[0]]) == place.topic(name)


@statements(v5="3.1.2-28 4.12.0-6")
def test_connack_has_no_response_information_and_no_authentication_that_nobody_asked_for(place, version):
    for properties in ([], [(mp.RESPONSE_REQUEST, 0)]):
        granted = place.come(version, "", properties=properties).granted
        assert not {mp.RESPONSE_INFORMATION, mp.METHOD, mp.DATA} & set(granted)


def explained(packet):
    """The property identifiers of an answer."""
    skipped = {mqtt.CONNACK: 2, mqtt.SUBACK: 2, mqtt.UNSUBACK: 2, mqtt.DISCONNECT: 1}.get(packet.kind, 3)
    rest = packet.body[skipped:]
    return {each for each, _ in mp.split(rest)[0]} if rest else set()


def failing(place, client):
    """Every kind of answer, most of them refusals, and in the end a DISCONNECT."""
    name, lost = place.topic("a"), place.topic("x" * 1100) if not place.is_open else place.topic("a")
    for data, count in (
        (mqtt.subscribe(place.refused, "a/#/b", version=5), 1),
        (mqtt.unsubscribe(place.refused, name, identifier=2, version=5), 1),
        (mqtt.publish(lost, b"", 1, 3, version=5), 1),
        (mqtt.publish(lost, b"", 2, 4, version=5), 1),
        (mqtt.acknowledgement(mqtt.PUBREL, 99), 1),
        (mqtt.acknowledgement(mqtt.PUBREC, 98), 1),
    ):
        client.send(data)
        yield from (client.packet() for _ in range(count))
    yield from client.send(mqtt.packet(mqtt.CONNACK, b"\0\0\0")).packets_until_closed()


@statements(v5="3.1.2-29")
def test_who_wants_no_problem_information_gets_none(place, version):
    client = place.come(version, properties=[(mp.PROBLEM_INFORMATION, 0)])
    for answer in failing(place, client):
        allowed = answer.kind in (mqtt.CONNACK, mqtt.DISCONNECT)
        assert allowed or not {mp.REASON, mp.USER} & explained(answer), answer
    told = place.come(version, "told")
    explaining = {answer.kind for answer in failing(place, told) if mp.REASON in explained(answer)}
    assert explaining >= {mqtt.SUBACK, mqtt.PUBCOMP, mqtt.DISCONNECT}


@statements(
    v5="3.2.2-19 3.2.2-20 3.4.2-2 3.4.2-3 3.5.2-2 3.5.2-3 3.6.2-2 3.6.2-3 3.7.2-2 3.7.2-3 3.9.2-1 3.9.2-2 "
    "3.11.2-1 3.11.2-2 3.14.2-3 3.14.2-4"
)
def test_no_answer_is_made_too_long_by_an_explanation(place, version):
    # CONNACK is the longest of them, and as short as it can be.
    whole = place.come(version)
    limit = 1 + 1 + 2 + len(mp.encoded(list(whole.granted.items()))) + 1
    properties = [(mp.MAXIMUM_PACKET, limit)]
    client = place.come(version, properties=properties)
    assert not {mp.REASON, mp.USER} & set(client.granted)
    kinds = set()
    for answer in failing(place, client):
        kinds.add(answer.kind)
        assert len(mqtt.packet(answer.kind, answer.body)) <= limit
    known = {mqtt.PUBACK, mqtt.PUBREC, mqtt.PUBREL, mqtt.PUBCOMP, mqtt.SUBACK, mqtt.UNSUBACK, mqtt.DISCONNECT}
    assert kinds == known


@statements(v5="3.2.2-9 3.2.2-10 3.2.2-11 3.2.2-12")
def test_every_qos_is_there(place, version):
    client = place.come(version, will=Will(place.topic("a"), qos=2))
    assert mp.MAXIMUM_QOS not in client.granted
    for qos in (0, 1, 2):
        assert client.subscribe(place.topic("a"), options=qos) == [qos]
        client.publish(place.topic("b"), b"", qos)


@statements(v5="3.2.2-13 3.2.2-14")
def test_mqtt_5_may_not_retain_where_nothing_is_retained(one):
    """Separate programs that store nothing."""
    channel, thing, _ = Account(one).pair()
    flags = 0xC0 | 0x02 | 0x04 | 0x20
    will = mqtt.connect("", thing.id, thing.key, flags=flags, will=(topic(channel), b"gone"), version=5)
    assert mqtt.RawMQTT(one.connect("mqtt")).send(will).packet().body[1] == 0x9A
    client = Returning(one, thing, "", 5, clean=True)
    client.send(mqtt.publish(topic(channel), b"retained", 1, 1, retain=True, version=5))
    assert [(each.kind, each.body[0]) for each in client.packets_until_closed()] == [(mqtt.DISCONNECT, 0x9A)]


@statements(v5="3.2.2-15")
def test_a_packet_longer_than_the_server_takes_ends_the_connection(place, version):
    client = place.come(version)
    limit = client.granted[mp.MAXIMUM_PACKET]
    length = mqtt.number(limit - 4 + 1)
    client.send(bytes([mqtt.PUBLISH << 4]) + length + mqtt.text(place.topic("a")) + b"\0").expect_end(0x95)


@statements(v5="3.2.2-17 3.2.2-18 3.3.2-8 3.3.2-9")
def test_a_topic_alias_beyond_what_the_server_takes_ends_the_connection(place, version):
    maximum = place.come(version).granted[mp.ALIAS_MAXIMUM]
    for alias in (0, maximum + 1, 0xFFFF):
        data = mqtt.publish(place.topic("a"), version=5, properties=b"\x23" + struct.pack(">H", alias))
        place.come(version, "").send(data).expect_end(0x94)


@statements(v5="4.12.0-1 4.12.0-4")
def test_a_method_of_authentication_that_the_server_does_not_know_is_refused(place, version):
    data = place.connect(version, properties=[(mp.METHOD, "SCRAM-SHA-1"), (mp.DATA, b"x")])
    assert refusal(place, version, data) == 0x8C


@statements(v5="4.12.0-7 3.15.2-1 3.1.2-30")
def test_auth_without_a_method_ends_the_connection(place, version):
    for reason in (b"\x18\0", b"\x19\0", b"\x00", b"\x18\x09\x15" + mqtt.text("method")):
        place.come(version, "").send(mqtt.packet(mqtt.AUTH, reason)).expect_end(PROTOCOL_ERROR)
    place.come(version, "").send(mqtt.packet(mqtt.AUTH, b"\x77\0")).expect_end(MALFORMED, PROTOCOL_ERROR)
