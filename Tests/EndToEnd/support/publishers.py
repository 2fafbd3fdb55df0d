"""Publishers made of other people's clients. `publish` waits for the acknowledgement, if there is one."""

import subprocess
import tempfile

import paho.mqtt.client as paho
import requests

from support.api import Thing
from support.listeners import PahoClient, WebSocketClient, topic
from support.server import Server


class HTTPPublisher:
    """Python's requests, one connection kept alive."""

    def __init__(self, server: Server, channel: str, thing: Thing, content_type: str = ""):
        self.session, self.url = requests.Session(), server.url("http", f"/channels/{channel}/messages")
        self.session.headers["Authorization"] = thing.key
        if content_type:
            self.session.headers["Content-Type"] = content_type

    def publish(self, payload: bytes) -> None:
        answer = self.session.post(self.url, data=payload, timeout=10)
        assert (answer.status_code, answer.content) == (202, b"")

    def close(self) -> None:
        self.session.close()


class CurlPublisher:
    """The curl program, one process a message."""

    def __init__(self, server: Server, channel: str, thing: Thing):
        self.command = [
            "curl",
            "-sS",
            "--fail",
            "-o",
            "/dev/null",
            "-w",
            "%{http_code}",
            "-H",
            f"Authorization: {thing.key}",
            "--data-binary",
            "@-",
            server.url("http", f"/channels/{channel}/messages"),
        ]

    def publish(self, payload: bytes) -> None:
        ended = subprocess.run(self.command, input=payload, capture_output=True, timeout=10)
        assert ended.stdout == b"202", ended

    def close(self) -> None:
        pass


class MosquittoPublisher:
    """The mosquitto_pub program, one process a message, QoS 1 so that order holds between processes."""

    def __init__(self, server: Server, channel: str, thing: Thing):
        self.command = [
            "mosquitto_pub",
            "-q",
            "1",
            "-h",
            "127.0.0.1",
            "-p",
            str(server.ports["mqtt"]),
            "-u",
            thing.id,
            "-P",
            thing.key,
            "-t",
            topic(channel),
        ]

    def publish(self, payload: bytes) -> None:
        with tempfile.NamedTemporaryFile() as file:
            file.write(payload)
            file.flush()
            what = ["-f", file.name] if payload else ["-n"]
            ended = subprocess.run([*self.command, *what], capture_output=True, timeout=10)
        assert ended.returncode == 0, ended

    def close(self) -> None:
        pass


class PahoPublisher(PahoClient):
    """paho-mqtt at one QoS."""

    def __init__(
        self, server: Server, channel: str, thing: Thing, qos: int, version: int = paho.MQTTv311, transport: str = "tcp"
    ):
        super().__init__(server, thing, version=version, transport=transport)
        self.topic, self.qos = topic(channel), qos

    def publish(self, payload: bytes) -> None:
        super().publish(self.topic, payload, self.qos)


class WebSocketPublisher(WebSocketClient):
    """Python's websockets; binary messages unless told otherwise."""

    def __init__(self, server: Server, channel: str, thing: Thing, content_type: str = ""):
        super().__init__(server, channel, thing.key, content_type=content_type)


def _paho(**options):
    return lambda server, channel, thing: PahoPublisher(server, channel, thing, **options)


PUBLISHERS = {
    "HTTP (requests)": HTTPPublisher,
    "HTTP (curl)": CurlPublisher,
    "WebSocket": WebSocketPublisher,
    "mosquitto_pub": MosquittoPublisher,
    **{f"MQTT 3.1.1 QoS {qos}": _paho(qos=qos) for qos in (0, 1, 2)},
    **{f"MQTT 5 QoS {qos}": _paho(qos=qos, version=paho.MQTTv5) for qos in (0, 1, 2)},
    **{f"MQTT 3.1.1 over WebSocket QoS {qos}": _paho(qos=qos, transport="websockets") for qos in (0, 1, 2)},
    "MQTT 5 over WebSocket QoS 1": _paho(qos=1, version=paho.MQTTv5, transport="websockets"),
}
