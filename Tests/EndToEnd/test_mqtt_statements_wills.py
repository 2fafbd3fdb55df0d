"""MQTT's statements on wills: in sections 3.1.2, 3.1.3 and 3.14.4."""

import socket
import struct
import time

import pytest

from support import mqtt_properties as mp
from support import raw_mqtt as mqtt
from support.raw_ws import close_frame
from support.statements import OPEN_TCP, OPEN_WEBSOCKET, WITH_KEYS, Will, statements


def dies(place, version, will, client="writer", **options):
    place.come(version, client, will=will, **options).close()


@statements(v3="3.1.2-8 3.1.2-9", v5="3.1.2-7 3.1.2-8 3.1.2-9")
@pytest.mark.parametrize("qos", [0, 1, 2])
def test_a_will_is_published_with_its_qos_when_the_connection_is_lost(place, version, qos):
    reader = place.reader(version, "gone")
    will = Will(place.topic("gone"), b"last words", qos)
    dies(place, version, will)
    message = reader.next()
    assert (message.topic, message.payload, message.qos, message.retain) == (will.topic, will.payload, qos, False)


@statements(v3="3.1.2-8", v5="3.1.2-7 3.1.2-8")
def test_a_will_is_published_when_the_server_ends_the_connection(place, version):
    reader = place.reader(version, "gone")
    place.come(version, "writer", will=Will(place.topic("gone"))).send(mqtt.packet(0)).last_words()
    assert reader.next().payload == b"will"


@statements(v3="3.1.2-8 3.1.2-10 3.14.4-3", v5="3.1.2-8 3.1.2-10 3.14.4-3")
def test_disconnect_takes_the_will_back(place, version):
    reader, writer = place.reader(version, "gone"), place.writer(version)
    place.come(version, "writer-2", will=Will(place.topic("gone"))).disconnect()
    assert place.payloads(reader, writer) == []


@statements(v5="3.14.4-3")
@pytest.mark.parametrize("reason, payloads", [(0x00, []), (0x04, [b"will"]), (0x80, [b"will"]), (0x9B, [b"will"])])
def test_disconnect_that_says_why_leaves_the_will_unless_all_was_well(place, version, reason, payloads):
    reader = place.reader(version, "gone")
    place.come(version, "writer-2", will=Will(place.topic("gone"), qos=1)).disconnect(reason)
    for expected in payloads:
        assert reader.next().payload == expected
    assert place.payloads(reader, place.writer(version)) == []


@statements(v3="3.1.2-10 3.1.2-12", v5="3.1.2-10")
def test_a_will_is_published_once_and_the_next_connection_has_none(place, version):
    reader = place.reader(version, "gone")
    dies(place, version, Will(place.topic("gone"), qos=1), "writer-2")
    assert reader.next().payload == b"will"
    # Lost without a will, and seen to be lost: another connection takes over from it.
    place.come(version, "writer-2").send(mqtt.packet(0)).last_words()
    assert place.payloads(reader, place.writer(version)) == []


@statements(v3="3.1.2-16 3.1.2-17", v5="3.1.2-14 3.1.2-15", retained=True)
@pytest.mark.parametrize("retain", [False, True])
def test_a_will_is_retained_if_it_says_so(place, version, retain):
    now, writer = place.reader(version, "gone/#"), place.writer(version)
    writer.publish(place.topic("gone/before"), b"kept", 1, retain=True)
    assert now.next().payload == b"kept"
    dies(place, version, Will(place.topic("gone/will"), b"will", 1, retain), "writer-2")
    live = now.next()
    assert (live.payload, live.retain) == (b"will", False)
    later = place.reader(version, "gone/#", client="reader-2")
    expected = {(b"kept", True), (b"will", True)} if retain else {(b"kept", True)}
    heard = {(each.payload, each.retain) for each in [later.next() for _ in expected]}
    assert heard == expected and place.payloads(later, writer) == []


@statements(v5="3.1.3-10 3.1.2-8")
def test_a_will_comes_with_its_properties_in_their_order(place, version):
    user = [(mp.USER, ("b", "1")), (mp.USER, ("a", "2")), (mp.USER, ("b", "3")), (mp.USER, ("b", "1"))]
    others = [(mp.FORMAT, 1), (mp.RESPONSE_TOPIC, place.topic("answers")), (mp.CORRELATION, b"\0\xff")]
    reader = place.reader(version, "gone")
    dies(place, version, Will(place.topic("gone"), properties=[*others, (mp.CONTENT_TYPE, "text/plain"), *user]))
    message = reader.next()
    assert message.all(mp.USER) == [value for _, value in user]
    assert set(others) <= set(message.properties) and message.all(mp.CONTENT_TYPE) == ["text/plain"]


@statements(v5="3.1.3-9 3.1.2-8")
def test_a_will_that_waits_is_not_published_if_its_client_is_back_in_time(place, version):
    reader, delay, began = place.reader(version, "gone"), [(mp.WILL_DELAY, 1)], time.monotonic()
    for client in ("writer-back", "writer-lost"):
        will = Will(place.topic("gone"), client.encode(), 1, properties=delay)
        dies(place, version, will, client, clean=False)
        if client == "writer-back":
            assert place.come(version, client, clean=False).present
    # The other's, which comes no sooner than the first one's would have.
    assert reader.next().payload == b"writer-lost" and time.monotonic() - began >= 1
    assert place.payloads(reader, place.writer(version)) == []


@statements(v5="3.1.2-8")
def test_a_will_that_waits_is_published_when_its_session_ends(place, version):
    reader = place.reader(version, "gone")
    will = Will(place.topic("gone"), qos=1, properties=[(mp.WILL_DELAY, 600)])
    dies(place, version, will, "writer-2", clean=False)
    assert place.payloads(reader, place.writer(version)) == []
    place.come(version, "writer-2", clean=True)
    assert reader.next().payload == b"will"


@statements(v3="3.1.2-8", v5="3.1.2-8")
def test_who_takes_over_from_itself_has_the_will_of_before_published(place, version):
    reader = place.reader(version, "gone")
    place.come(version, "writer-2", will=Will(place.topic("gone"), b"of before", 1))
    place.come(version, "writer-2")
    assert reader.next().payload == b"of before"


# Which of two event loops is first is chance.
SEVERAL = [f"writer-{number}" for number in range(12)]


@statements(v5="3.1.3-9")
def test_who_takes_over_in_time_has_no_will_published(place, version):
    reader, delay = place.reader(version, "gone"), [(mp.WILL_DELAY, 1)]
    will = Will(place.topic("gone"), b"back", 1, properties=delay)
    for client in SEVERAL:
        place.come(version, client, clean=False, will=will)
    for client in SEVERAL:
        assert place.come(version, client, clean=False).present
    lost = Will(place.topic("gone"), b"lost", 1, properties=delay)
    dies(place, version, lost, "writer-lost", clean=False)
    assert reader.next().payload == b"lost"
    assert place.payloads(reader, place.writer(version)) == []


@statements(v5="3.1.2-8")
def test_who_takes_over_and_starts_clean_ends_the_session_whose_will_waits(place, version):
    reader = place.reader(version, "gone")
    will = Will(place.topic("gone"), qos=1, properties=[(mp.WILL_DELAY, 2)])
    for client in SEVERAL:
        place.come(version, client, clean=False, will=will)
    began = time.monotonic()
    for client in SEVERAL:
        place.come(version, client, clean=True)
    for _ in SEVERAL:
        assert reader.next().payload == b"will" and time.monotonic() - began < 1.5


def half_closed(client):
    client.socket.shutdown(socket.SHUT_WR)


def reset(client):
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


@statements(v3="3.1.2-8", v5="3.1.2-8", at=(OPEN_TCP, *WITH_KEYS))
@pytest.mark.parametrize("lose", [half_closed, reset])
def test_a_will_is_published_however_the_connection_is_lost(place, version, lose):
    reader = place.reader(version, "gone")
    lose(place.come(version, "writer", will=Will(place.topic("gone"), qos=1)))
    assert reader.next().payload == b"will"


@statements(v3="3.1.2-8", v5="3.1.2-8", at=(OPEN_WEBSOCKET,))
@pytest.mark.parametrize("code", [1000, 1001])
def test_a_will_is_published_when_a_websocket_is_closed_without_disconnect(place, version, code):
    reader = place.reader(version, "gone")
    dying = place.come(version, "writer", will=Will(place.topic("gone"), qos=1))
    dying.socket.ws.send(close_frame(code))
    assert reader.next().payload == b"will"


@statements(v5="3.1.2-8 3.14.4-3")
def test_a_will_that_waits_is_published_when_disconnect_ends_the_session(place, version):
    reader = place.reader(version, "gone")
    will = Will(place.topic("gone"), qos=1, properties=[(mp.WILL_DELAY, 600)])
    place.come(version, "writer-2", clean=False, will=will).disconnect(0x04, [(mp.SESSION_EXPIRY, 0)])
    assert reader.next().payload == b"will"
