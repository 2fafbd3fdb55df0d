"""Subtopics, patterns and content types, over all protocols."""

import http.client

import paho.mqtt.client as paho
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from websockets.sync.client import connect

from support.api import publish_http
from support.listeners import PahoClient, WebSocketClient, topic
from support.programs import ONE_PROGRAM, SEPARATE_PROGRAMS
from tables.subtopics import NORMALISED

PLATFORMS = [ONE_PROGRAM, SEPARATE_PROGRAMS]

SUBTOPICS = ["", "a", "b", "a/b", "a/b/c", "a/c", "b/b", "A"]
MQTT_FILTERS = {
    "": {""},
    "#": set(SUBTOPICS),
    "+": {"a", "b", "A"},
    "a": {"a"},
    "a/#": {"a", "a/b", "a/b/c", "a/c"},
    "a/+": {"a/b", "a/c"},
    "+/b": {"a/b", "b/b"},
    "+/+": {"a/b", "a/c", "b/b"},
    "+/+/#": {"a/b", "a/c", "b/b", "a/b/c"},
    "a/b/c": {"a/b/c"},
    "a/+/c": {"a/b/c"},
    "+/#": {"a", "b", "A", "a/b", "a/c", "b/b", "a/b/c"},
}
WS_FILTERS = {
    "": {""},
    ">": {"a", "b", "A", "a/b", "a/c", "b/b", "a/b/c"},
    "*": {"a", "b", "A"},
    "a": {"a"},
    "a/>": {"a/b", "a/b/c", "a/c"},
    "a/*": {"a/b", "a/c"},
    "*/b": {"a/b", "b/b"},
    "*/*": {"a/b", "a/c", "b/b"},
    "a.b": {"a/b"},
    "*/>": {"a/b", "a/c", "b/b", "a/b/c"},
}


def _heard(listener, own: str, everybody: set[str]) -> list[str]:
    """What arrives before the listener's own last word; the last words of others are passed over."""
    heard = []
    while (payload := listener.next().decode()) != f"end of {own}":
        if payload not in everybody:
            heard.append(payload)
    return heard


@pytest.mark.parametrize("protocol, filters", [("mqtt", MQTT_FILTERS), ("ws", WS_FILTERS)])
def test_each_filter_hears_what_it_matches_and_nothing_else(server, alice, closing, protocol, filters):
    channel, sender, thing = alice.pair()
    listeners = {
        each: closing(
            PahoClient(server, thing, topic(channel, each).rstrip("/"))
            if protocol == "mqtt"
            else WebSocketClient(server, channel, thing.key, each)
        )
        for each in filters
    }

    for subtopic in SUBTOPICS:
        assert publish_http(server, channel, sender.key, f"to {subtopic}".encode(), subtopic) == 202
    for name, matched in filters.items():
        assert publish_http(server, channel, sender.key, f"end of {name}".encode(), min(matched)) == 202

    ends = {f"end of {name}" for name in filters}
    for name, listener in listeners.items():
        assert sorted(_heard(listener, name, ends)) == sorted(
            f"to {each}" for each in filters[name]
        ), f"filter {name!r}"


@pytest.mark.parametrize("raw, expected", NORMALISED)
def test_a_path_becomes_the_same_topic_over_http_and_websocket(server, alice, closing, raw, expected):
    channel, sender, thing = alice.pair()
    listener = closing(PahoClient(server, thing, topic(channel, "#")))
    socket = closing(WebSocketClient(server, channel, sender.key, raw.removeprefix("/")))
    connection = closing(http.client.HTTPConnection("127.0.0.1", server.ports["http"], timeout=5))

    connection.request("POST", f"/channels/{channel}/messages{raw}", b"http", {"Authorization": sender.key})
    assert connection.getresponse().status == 202
    over_http = listener.next_message()
    socket.publish(b"ws", text=True)
    over_ws = listener.next_message()

    wanted = topic(channel, *([expected] if expected else []))
    assert (over_http.topic, over_http.payload) == (wanted, b"http")
    assert (over_ws.topic, over_ws.payload) == (wanted, b"ws")
    assert {socket.next(), socket.next()} == {b"http", b"ws"}


def test_a_channel_id_in_capitals_is_the_same_channel(server, alice, closing):
    channel, sender, thing = alice.pair()
    upper = channel.upper()
    mqtt = closing(PahoClient(server, thing, topic(channel)))
    in_capitals = closing(PahoClient(server, thing, topic(upper)))
    socket = closing(WebSocketClient(server, upper, thing.key))

    assert publish_http(server, upper, sender.key, b"http") == 202
    closing(PahoClient(server, sender)).publish(topic(upper), b"mqtt", qos=1)

    for listener in (mqtt, in_capitals, socket):
        assert {listener.next(), listener.next()} == {b"http", b"mqtt"}  # Order holds per publisher.
    alice.disconnect(channel, sender)
    assert publish_http(server, upper, sender.key, b"late") == 403


def test_a_filter_without_ct_gets_every_type_on_the_plain_topic_and_one_with_it_that_type_only(server, alice, closing):
    channel, sender, thing = alice.pair()
    json_type = topic(channel, "ct", "application_senml-json")
    plain = closing(PahoClient(server, thing, topic(channel)))
    typed = closing(PahoClient(server, thing, json_type))
    deep = closing(PahoClient(server, thing, topic(channel, "a/b/ct/text_plain")))
    publisher = closing(PahoClient(server, sender))

    assert publish_http(server, channel, sender.key, b"json over http", content_type="application/senml+json") == 202
    assert publish_http(server, channel, sender.key, b"cbor over http", content_type="application/senml+cbor") == 202
    publisher.publish(topic(channel), b"no type", qos=1)
    publisher.publish(topic(channel, "ct", "application_senml-cbor"), b"cbor over mqtt", qos=1)
    publisher.publish(json_type, b"json over mqtt", qos=1)
    publisher.publish(topic(channel, "a/b"), b"no type", qos=1)
    assert publish_http(server, channel, sender.key, b"text", "a/b", "text/plain") == 202

    messages = [plain.next_message() for _ in range(5)]
    assert {message.topic for message in messages} == {topic(channel)}
    assert sorted(message.payload for message in messages) == [
        b"cbor over http",
        b"cbor over mqtt",
        b"json over http",
        b"json over mqtt",
        b"no type",
    ]
    messages = [typed.next_message() for _ in range(2)]
    assert sorted((message.topic, message.payload) for message in messages) == [
        (json_type, b"json over http"),
        (json_type, b"json over mqtt"),
    ]
    message = deep.next_message()
    assert (message.topic, message.payload) == (topic(channel, "a/b/ct/text_plain"), b"text")


def test_the_frame_type_follows_the_content_type(server, alice, closing):
    channel, sender, thing = alice.pair()
    socket = closing(WebSocketClient(server, channel, thing.key))
    publisher = closing(PahoClient(server, sender))

    publisher.publish(topic(channel, "ct", "application_senml-cbor"), b"cbor", qos=1)
    publisher.publish(topic(channel, "ct", "application_senml-json"), b"json", qos=1)
    publisher.publish(topic(channel), b"none", qos=1)
    publisher.publish(topic(channel), b"\xff\xfe", qos=1)

    assert [socket.connection.recv(5) for _ in range(4)] == [b"cbor", "json", "none", b"\xff\xfe"]


def test_mqtt_5_carries_the_content_type_as_a_property(server, alice, closing):
    channel, sender, thing = alice.pair()
    listener = closing(PahoClient(server, thing, topic(channel), version=paho.MQTTv5))
    typed = closing(PahoClient(server, thing, topic(channel, "ct", "application_senml-cbor")))
    publisher = closing(PahoClient(server, sender, version=paho.MQTTv5))
    properties = Properties(PacketTypes.PUBLISH)
    properties.ContentType = "application/senml+cbor"

    publisher.publish(topic(channel), b"by property", qos=1, properties=properties)
    assert publish_http(server, channel, sender.key, b"by header", content_type="text/plain; charset=utf-8") == 202

    first, second = listener.next_message(), listener.next_message()
    assert (first.payload, first.properties.ContentType) == (b"by property", "application/senml+cbor")
    assert (second.payload, second.properties.ContentType) == (b"by header", "text/plain; charset=utf-8")
    assert typed.next() == b"by property"


@pytest.mark.parametrize("given", ["header", "query"])
def test_a_websocket_sends_with_the_content_type_of_its_handshake(server, alice, closing, given):
    channel, sender, thing = alice.pair()
    listener = closing(PahoClient(server, thing, topic(channel, "ct", "application_senml-cbor")))
    address = f"ws://127.0.0.1:{server.ports['ws']}/channels/{channel}/messages"
    query = f"?authorization={sender.key}&content-type=application/senml%2Bcbor"
    headers = {"Authorization": sender.key, "Content-Type": "application/senml+cbor"}

    with connect(address, additional_headers=headers) if given == "header" else connect(address + query) as socket:
        socket.send(b"cbor")

    assert listener.next() == b"cbor"


def test_overlapping_filters_deliver_once_unless_their_topics_differ(server, alice, closing):
    channel, sender, thing = alice.pair()
    typed = topic(channel, "ct", "text_plain")
    listener = closing(PahoClient(server, thing, topic(channel), topic(channel, "#"), typed))

    for payload in (b"one", b"end"):
        assert publish_http(server, channel, sender.key, payload, content_type="text/plain") == 202

    received = [listener.next_message() for _ in range(4)]
    assert sorted((message.payload, message.topic) for message in received) == [
        (b"end", topic(channel)),
        (b"end", typed),
        (b"one", topic(channel)),
        (b"one", typed),
    ]
