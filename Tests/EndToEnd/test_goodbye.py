"""Clients that speak and leave at once: what they said before their goodbye counts, also where the answer on their right
is not there yet."""

import socket
import subprocess

import pytest

from support import raw_mqtt as mqtt
from support.listeners import PahoClient, topic
from support.raw_http import RawHTTP, request
from support.raw_mqtt import RawMQTT
from support.raw_ws import TEXT, RawWS, close_frame, frame


@pytest.fixture
def pair(alice):
    """A channel and two things that the server has not met yet."""
    return alice.pair()


@pytest.fixture
def heard(server, pair, closing):
    return closing(PahoClient(server, pair[2], topic(pair[0], "#")))


@pytest.mark.parametrize("version", ["311", "5"])
@pytest.mark.parametrize("qos", [0, 1, 2])
def test_mosquitto_pub_is_heard(server, pair, heard, version, qos):
    command = ["mosquitto_pub", "-V", version, "-q", str(qos), "-h", "127.0.0.1", "-p", str(server.ports["mqtt"])]

    subprocess.run([*command, "-u", pair[1].id, "-P", pair[1].key, "-t", topic(pair[0]), "-m", "hello"], check=True)

    assert heard.next() == b"hello"


@pytest.mark.parametrize("version", [4, 5])
@pytest.mark.parametrize("packets", ["together", "one by one"])
def test_everything_before_a_disconnect_is_published_and_the_will_is_not(server, pair, heard, version, packets):
    names = [f"{number}".encode() for number in range(100)]
    data = [mqtt.publish(topic(pair[0]), name, version=version) for name in names] + [mqtt.packet(mqtt.DISCONNECT)]
    with RawMQTT(server.connect("mqtt"), version) as client:
        client.connect("hasty", pair[1].id, pair[1].key, will=(topic(pair[0], "will"), b"will"))
        for each in [b"".join(data)] if packets == "together" else data:
            client.send(each)

    with RawMQTT(server.connect("mqtt")) as client:
        client.connect("last", pair[1].id, pair[1].key).send(mqtt.publish(topic(pair[0]), b"end", 1))
        assert client.packet().kind == mqtt.PUBACK
    # Nothing orders the two connections, so the end may come before the last of the hasty one.
    received = [heard.next() for _ in range(len(names) + 1)]
    assert [message for message in received if message != b"end"] == names


def test_what_a_lost_connection_had_sent_is_published_before_its_will(server, pair, heard):
    with RawMQTT(server.connect("mqtt")) as client:
        client.connect("lost", pair[1].id, pair[1].key, will=(topic(pair[0]), b"will"))
        client.send(mqtt.publish(topic(pair[0]), b"last words"))

    assert [heard.next(), heard.next()] == [b"last words", b"will"]


def test_a_websocket_client_that_closes_at_once_is_heard(server, pair, heard):
    with RawWS(server.connect("ws"), f"/channels/{pair[0]}/messages", f"Authorization: {pair[1].key}") as client:
        client.send(frame(TEXT, b"hello") + close_frame(1000))
    assert heard.next() == b"hello"


@pytest.mark.parametrize("listener", ["http", "things"])
def test_an_http_client_that_has_said_everything_is_still_answered(server, alice, pair, listener):
    path, key, status = {
        "http": (f"/channels/{pair[0]}/messages", pair[1].key, 202),
        "things": ("/things", alice.token, 201),
    }[listener]
    data = request("POST", path, f"Authorization: {key}", "Content-Type: application/json", body=b"{}")
    with RawHTTP(server.connect(listener)) as http:
        http.send(data).socket.shutdown(socket.SHUT_WR)
        assert http.answer().status == status
        assert http.is_closed()
