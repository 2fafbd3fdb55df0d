"""Subscribers made of other people's clients. Each is subscribed when its constructor returns."""

import contextlib
import os
import queue
import re
import ssl
import subprocess
import threading

import paho.mqtt.client as paho
from websockets.sync.client import connect as ws_connect

from support.api import Thing
from support.server import Server

WAIT = 5


def topic(channel: str, *levels: str) -> str:
    return "/".join(("channels", channel, "messages", *levels))


class PahoClient:
    """paho-mqtt over TCP or WebSocket, connected as a thing; received messages wait in a queue.

    With TLS there may be no thing: then the client's certificate says who it is.
    """

    def __init__(
        self,
        server: Server,
        thing: Thing | None,
        *filters: str,
        version: int = paho.MQTTv311,
        qos: int = 0,
        transport: str = "tcp",
        client_id: str = "",
        will: tuple[str, bytes] | None = None,
        keepalive: int = 60,
        tls: ssl.SSLContext | None = None,
    ):
        self.messages: queue.Queue[paho.MQTTMessage] = queue.Queue()
        self.connected, self.subscribed, self.ended = threading.Event(), threading.Event(), threading.Event()
        self.refused_filters: list[int] = []
        self.client = paho.Client(
            paho.CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=version,
            transport=transport,
            reconnect_on_failure=False,
        )
        if thing:
            self.client.username_pw_set(thing.id, thing.key)
        if tls:
            self.client.tls_set_context(tls)
        if will:
            self.client.will_set(*will)
        self.client.on_connect = self._on_connect
        self.client.on_subscribe = self._on_subscribe
        self.client.on_disconnect = lambda *_: self.ended.set()
        self.client.on_message = lambda _client, _data, message: self.messages.put(message)
        listener = "mqttws" if transport == "websockets" else "mqtts" if tls else "mqtt"
        self.client.connect("127.0.0.1", server.ports[listener], keepalive)
        self.client.loop_start()
        assert self.connected.wait(WAIT), "paho was not let in"
        if filters:
            self.subscribe(*filters, qos=qos)
            assert not self.refused_filters, f"SUBACK refused with {self.refused_filters}"

    def subscribe(self, *filters: str, qos: int = 0) -> None:
        self.subscribed.clear()
        self.client.subscribe([(each, qos) for each in filters])
        assert self.subscribed.wait(WAIT), "no SUBACK"

    def publish(self, topic: str, payload: bytes, qos: int = 0, **more) -> None:
        self.client.publish(topic, payload, qos, **more).wait_for_publish(WAIT)

    def next(self, timeout: float = WAIT) -> bytes:
        return self.next_message(timeout).payload

    def next_message(self, timeout: float = WAIT) -> paho.MQTTMessage:
        return self.messages.get(timeout=timeout)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def _on_connect(self, _client, _data, _flags, reason, _properties) -> None:
        if not reason.is_failure:
            self.connected.set()

    def _on_subscribe(self, _client, _data, _mid, reasons, _properties) -> None:
        self.refused_filters = [each.value for each in reasons if each.is_failure]
        self.subscribed.set()


class WebSocketClient:
    """Python's websockets, connected to the WS adapter."""

    def __init__(self, server: Server, channel: str, key: str, subtopic: str = "", content_type: str = ""):
        path = f"/channels/{channel}/messages" + (f"/{subtopic}" if subtopic else "")
        headers = {"Authorization": key} | ({"Content-Type": content_type} if content_type else {})
        address = f"ws://127.0.0.1:{server.ports['ws']}{path}"
        self.context = contextlib.ExitStack()
        self.connection = self.context.enter_context(
            ws_connect(address, additional_headers=headers, compression=None, open_timeout=WAIT, max_queue=None)
        )

    def publish(self, payload: bytes, text: bool = False) -> None:
        self.connection.send(payload, text=text)

    def next(self, timeout: float = WAIT) -> bytes:
        received = self.connection.recv(timeout)
        return received.encode() if isinstance(received, str) else received

    def close(self) -> None:
        self.context.close()


class MosquittoSubscriber:
    """The mosquitto_sub program. Its debug output tells when the server has granted the subscription."""

    LINE = re.compile(r"^MESSAGE (\S*) ([0-9a-f]*)$")

    def __init__(self, server: Server, thing: Thing, filter: str, version: str = "311", qos: int = 0):
        self.process = subprocess.Popen(
            [
                "stdbuf",
                "-oL",
                "mosquitto_sub",
                "-d",
                "-V",
                version,
                "-q",
                str(qos),
                "-h",
                "127.0.0.1",
                "-p",
                str(server.ports["mqtt"]),
                "-u",
                thing.id,
                "-P",
                thing.key,
                "-t",
                filter,
                "-F",
                "MESSAGE %t %x",
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
        )
        self.messages: queue.Queue[bytes] = queue.Queue()
        self.subscribed = threading.Event()
        self.output: list[str] = []
        threading.Thread(target=self._read, daemon=True).start()
        assert self.subscribed.wait(WAIT), f"mosquitto_sub is not subscribed: {self.output}"

    def _read(self) -> None:
        for line in self.process.stdout:
            self.output.append(line.rstrip())
            if line.startswith("Subscribed"):
                self.subscribed.set()
            if match := self.LINE.match(line.rstrip("\n")):
                self.messages.put(bytes.fromhex(match[2]))

    def next(self, timeout: float = WAIT) -> bytes:
        return self.messages.get(timeout=timeout)

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(WAIT)
        self.process.stdout.close()


def received_until(listener, sentinel: bytes) -> list[bytes]:
    """What arrives before the sentinel, which was published last: so "exactly once" needs no waiting."""
    seen = []
    while (payload := listener.next()) != sentinel:
        seen.append(payload)
    return seen
