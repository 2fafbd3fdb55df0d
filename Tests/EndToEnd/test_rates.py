"""How many connections, subscriptions and messages a client, an account and a process may have, and what others notice of it."""

import contextlib
import select
import socket
import time

import pytest

from support import raw_mqtt as mqtt
from support.api import Account, publish_http
from support.listeners import topic
from support.pki import PKI
from support.raw_http import Ended
from support.raw_mqtt import RawMQTT
from support.raw_ws import RawWS
from support.server import Server
from support.tls import context, secured


@contextlib.contextmanager
def _serving(folder, **limits: int):
    server = Server(folder, **{f"MF_LIMITS_{name}": str(limit) for name, limit in limits.items()}).start()
    try:
        yield server
        server.check()
        assert server.stop() == 0
    finally:
        if server.process.poll() is None:
            server.kill()


def _is_closed_at_once(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def _turned_away(server: Server, listener: str, reason: str) -> float:
    name = "fluxgate_connections_refused_total"
    return server.metrics().get(f'{name}{{listener="{listener}",reason="{reason}"}}', 0)


def test_connections_beyond_the_limit_are_closed_at_once_and_the_others_stay(program, tmp_path):
    with _serving(tmp_path, CONNECTIONS=8) as server:
        account = Account(server)
        channel, thing, _ = account.pair()
        listeners = {"mqtt": "mqtt-adapter", "ws": "ws-adapter", "http": "http-adapter", "mqttws": "mqtt-adapter-ws"}
        clients = [server.connect("mqtt") for _ in range(2)]
        RawMQTT(clients[0]).connect("lasting", thing.id, thing.key)
        RawMQTT(clients[1]).connect("other", thing.id, thing.key)
        # Which of these come first, only the listeners know.
        clients += [server.connect(listener) for listener in listeners for _ in range(3)]
        _await(lambda: sum(_turned_away(server, each, "too_many_connections") for each in listeners.values()) == 6)
        closed = [each for each in clients[2:] if select.select([each], [], [], 0)[0]]
        assert len(closed) == 6 and all(_is_closed_at_once(each) for each in closed)
        assert RawMQTT(clients[0]).is_alive() and RawMQTT(clients[1]).is_alive()
        for each in clients[2:]:
            each.close()
        _await(lambda: publishes(server, channel, thing))
        for each in clients[:2]:
            each.close()


def publishes(server, channel, thing) -> bool:
    with contextlib.suppress(OSError):
        return publish_http(server, channel, thing.key, b"1") == 202
    return False


def test_a_handshake_too_many_is_closed_before_a_word_of_tls(program, tmp_path):
    pki = PKI(tmp_path / "pki")
    variables = pki.variables("MF_MQTT_ADAPTER")
    server = Server(tmp_path, ca=pki.ca, MF_LIMITS_HANDSHAKES="20", **variables).start()
    try:
        # One more than one address may have. Which of them comes last, only the listener's loops know.
        opened = [server.connect("mqtts") for _ in range(3)]
        _await(lambda: _turned_away(server, "mqtt-adapter", "too_many_handshakes") == 1)
        [closed] = [each for each in opened if select.select([each], [], [], 0.1)[0]]
        assert _is_closed_at_once(closed)
        silent = [each for each in opened if each is not closed]
        account = Account(server)
        _, thing, _ = account.pair()
        for each in silent:
            each.close()
        clients = []
        _await(lambda: clients.append(_secured(server, pki)) or clients[-1] is not None)
        # A connection whose handshake is over doesn't count.
        for number in range(4):
            RawMQTT(secured(server, "mqtts", context(pki.ca))).connect(f"{number}", thing.id, thing.key)
        server.check()
    finally:
        server.kill()


def _secured(server, pki):
    with contextlib.suppress(OSError):
        return secured(server, "mqtts", context(pki.ca))
    return None


def test_an_account_has_no_more_connections_and_subscriptions_than_it_may(program, tmp_path):
    with _serving(tmp_path, TENANT_CONNECTIONS=3, TENANT_SUBSCRIPTIONS=3) as server:
        account, other = Account(server), Account(server)
        channel, thing, _ = account.pair()
        target = f"/channels/{channel}/messages?authorization={thing.key}"
        first = RawMQTT(server.connect("mqtt")).connect("first", thing.id, thing.key)
        second = RawMQTT(server.connect("mqtt"), 5).connect("second", thing.id, thing.key)
        with server.counts_a_refusal("mqtt"):
            assert second.subscribe(topic(channel, "a"), topic(channel, "b"), topic(channel, "c"), qos=1) == [1, 1, 1]
            assert first.subscribe(topic(channel, "d")) == [0x80]
        second.send(mqtt.unsubscribe(topic(channel, "a"), version=5))
        assert second.packet().kind == mqtt.UNSUBACK
        with RawWS(server.connect("ws"), target) as socket_of_it:
            with server.counts_a_refusal("ws"):
                assert RawWS(server.connect("ws"), target).answer.status == 429
            for version, code in ((4, 3), (5, 0x97)):
                with server.counts_a_refusal("mqtt"), RawMQTT(server.connect("mqtt"), version) as client:
                    client.send(mqtt.connect("third", thing.id, thing.key, version=version))
                    assert [each.body[1] for each in client.packets_until_closed()] == [code]
            # Its own place is free for it, and nobody else's is taken.
            first = RawMQTT(server.connect("mqtt")).connect("first", thing.id, thing.key)
            _, neighbour, _ = other.pair()
            RawMQTT(server.connect("mqtt")).connect("first", neighbour.id, neighbour.key)
            assert socket_of_it.answer.status == 101
        second.socket.close()
        _await(lambda: _logs_in(server, thing))


def _logs_in(server, thing) -> bool:
    with RawMQTT(server.connect("mqtt")) as client, contextlib.suppress(Ended, AssertionError):
        client.connect("again", thing.id, thing.key)
        return True
    return False


def test_over_http_what_is_too_fast_is_answered_429_and_passes_later(program, tmp_path):
    with _serving(tmp_path, TENANT_MESSAGES=20) as server:
        account, other = Account(server), Account(server)
        channel, thing, _ = account.pair()
        began = time.monotonic()
        statuses = []
        while 429 not in statuses:
            statuses.append(publish_http(server, channel, thing.key, b"1"))
        assert set(statuses[:-1]) == {202}
        assert 20 <= len(statuses) - 1 <= 20 + 20 * (time.monotonic() - began) + 2
        neighbours_channel, neighbour, _ = other.pair()
        assert publish_http(server, neighbours_channel, neighbour.key, b"1") == 202
        _await(lambda: publish_http(server, channel, thing.key, b"1") == 202)
        assert server.metrics()['fluxgate_refused_total{protocol="http",reason="rate_limited"}'] >= 1


@pytest.mark.parametrize("limit", ["CONNECTION_MESSAGES", "TENANT_MESSAGES"])
def test_over_mqtt_what_is_too_fast_is_slowed_down_and_none_is_lost(program, tmp_path, capsys, limit):
    with _serving(tmp_path, **{limit: 200}) as server:
        account = Account(server)
        channel, thing, listener = account.pair()
        hearing = RawMQTT(server.connect("mqtt", timeout=20)).connect("hearing", listener.id, listener.key)
        assert hearing.subscribe(topic(channel)) == [0]
        with RawMQTT(server.connect("mqtt", timeout=20)) as client:
            client.connect("fast", thing.id, thing.key)
            began = time.monotonic()
            client.send(b"".join(mqtt.publish(topic(channel), b"%d" % each) for each in range(600)))
            heard = [int(hearing.message()[1]) for _ in range(600)]
            took = time.monotonic() - began
        assert heard == list(range(600))
        # 200 at once and 400 at the rate.
        assert 1.8 < took < 10
        assert server.metrics()['fluxgate_throttled_total{protocol="mqtt"}'] > 0
        with capsys.disabled():
            print(f"\n600 messages at 200 a second ({limit.lower()}): {took:.2f} s")


def _await(condition, within: float = 10) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
