"""What a thing is told that no adapter knows yet."""

from support import raw_mqtt as mqtt
from support.api import Thing, publish_http
from support.raw_http import RawHTTP
from support.raw_mqtt import RawMQTT
from support.raw_ws import handshake
from support.server import Platform


def cold_answers(server: Platform, channel: str, thing: Thing) -> list[int]:
    """The statuses over HTTP and of a WebSocket's handshake, and what CONNACK says in MQTT 3.1.1 and 5."""
    return [
        publish_http(server, channel, thing.key, b"cold"),
        _handshake(server, channel, thing),
        _connect(server, thing, 4),
        _connect(server, thing, 5),
    ]


def _handshake(server: Platform, channel: str, thing: Thing) -> int:
    with RawHTTP(server.connect("ws")) as http:
        http.send(handshake(f"/channels/{channel}/messages", f"Authorization: {thing.key}"))
        answer = http.answer(head_only=True)
        assert (answer.status == 503) == ("retry-after" in answer.headers)
        return answer.status


def _connect(server: Platform, thing: Thing, version: int) -> int:
    with RawMQTT(server.connect("mqtt"), version) as client:
        return client.send(mqtt.connect("cold", thing.id, thing.key, version)).packet().body[1]
