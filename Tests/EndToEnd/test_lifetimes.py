"""Connections that end by themselves: their certificate expires, they last too long, they carry nothing."""

import datetime
import time
import uuid

import pytest

from support import raw_mqtt as mqtt
from support.api import Account
from support.listeners import topic
from support.mqtt_over_ws import FramedSocket
from support.pki import now
from support.raw_http import Ended, RawHTTP, request
from support.raw_mqtt import RawMQTT
from support.raw_ws import RawWS
from support.server import Server
from support.tls import context, secured

ADAPTERS = ("MF_HTTP_ADAPTER", "MF_WS_ADAPTER", "MF_MQTT_ADAPTER")
# The code of the WebSocket and the reason of MQTT 5.
EXPIRED, LIFETIME, IDLE = (1008, 0x87), (1001, 0xA0), (1001, 0x98)


@pytest.fixture
def started(pki, tmp_path):
    """Starts a server that asks for certificates, with more variables."""
    running = []

    def start(**variables: str) -> Server:
        adapters = pki.variables(*ADAPTERS, clients=True)
        running.append(Server(tmp_path, ca=pki.ca, **adapters, **variables).start())
        return running[-1]

    yield start
    for server in running:
        server.check()
        assert server.stop() == 0, server.log()[-4000:]


class Connections:
    """One of each protocol, opened with one certificate."""

    def __init__(self, server, pki, pair, channel):
        tls = context(pki.ca, pair)
        self.channel = channel
        self.http = RawHTTP(secured(server, "http", tls, timeout=15))
        self.publish()
        self.ws = RawWS(secured(server, "ws", tls, timeout=15), f"/channels/{channel}/messages/quiet").__enter__()
        self.old = RawMQTT(secured(server, "mqtts", tls, timeout=15)).connect(uuid.uuid4().hex[:20])
        self.new = RawMQTT(secured(server, "mqtts", tls, timeout=15), 5).connect(uuid.uuid4().hex[:20])
        self.framed = RawMQTT(FramedSocket(secured(server, "mqttws", tls, timeout=15)), 5)
        self.framed.connect(uuid.uuid4().hex[:20])

    def publish(self) -> None:
        asked = request("POST", f"/channels/{self.channel}/messages", body=b"x")
        assert self.http.send(asked).answer().status == 202

    def are_alive(self) -> None:
        assert all(each.is_alive() for each in (self.old, self.new, self.framed))
        self.publish()

    def end(self, code: int, reason: int) -> None:
        assert self.ws.close_code() == code
        assert {each.kind for each in self.old.packets_until_closed()} <= {mqtt.PINGRESP}
        for each in (self.new, self.framed):
            assert [(end.kind, end.body[0]) for end in each.packets_until_closed()] == [(mqtt.DISCONNECT, reason)]
        with pytest.raises(Ended):
            self.http._fill()


def _counted(server, reason: str) -> dict[str, float]:
    """By protocol."""
    wanted = {f'fluxgate_refused_total{{protocol="{each}",reason="{reason}"}}': each for each in ("http", "ws", "mqtt")}
    return {wanted[name]: value for name, value in server.metrics().items() if name in wanted}


def test_a_certificate_that_expires_ends_what_it_opened(started, pki):
    server = started()
    channel, thing, _ = Account(server).pair()
    end = now() + datetime.timedelta(seconds=4)
    short = Connections(server, pki, pki.signed(thing.key, end=end), channel)
    long = Connections(server, pki, pki.signed(thing.key), channel)
    short.are_alive()

    short.end(*EXPIRED)
    late = time.time() - end.timestamp()
    assert 0 <= late < 2, late
    long.are_alive()
    assert _counted(server, "expired_certificate") == {"http": 1, "ws": 1, "mqtt": 3}


def test_a_connection_lasts_no_longer_than_it_may(started, pki):
    server = started(**{f"{prefix}_TLS_MAX_LIFETIME": "3s" for prefix in ADAPTERS})
    channel, thing, _ = Account(server).pair()
    began = time.monotonic()
    connections = Connections(server, pki, pki.signed(thing.key), channel)
    connections.are_alive()

    connections.end(*LIFETIME)
    assert 2.5 < time.monotonic() - began < 5
    assert _counted(server, "lifetime_over") == {"http": 1, "ws": 1, "mqtt": 3}


def test_a_connection_that_carries_no_message_ends_though_it_pings(started, pki):
    server = started(**{f"{prefix}_IDLE_TIMEOUT": "2s" for prefix in ADAPTERS}, MF_WS_ADAPTER_PING_INTERVAL="1s")
    channel, thing, _ = Account(server).pair()
    pair = pki.signed(thing.key)
    connections = Connections(server, pki, pair, channel)
    busy = RawMQTT(secured(server, "mqtts", context(pki.ca, pair)), 5).connect("busy")
    ends = time.monotonic() + 4
    while time.monotonic() < ends:
        connections.old.send(mqtt.packet(mqtt.PINGREQ))
        assert busy.send(mqtt.publish(topic(channel), b"x", 1, version=5)).packet().kind == mqtt.PUBACK
        time.sleep(0.2)

    connections.end(*IDLE)
    assert busy.is_alive()
    busy.socket.close()
    assert _counted(server, "idle") == {"ws": 1, "mqtt": 3}
