"""How long after the HTTP answer a cut connection is ended: p99 of 200 cuts within 20 ms."""

import itertools
import json
import selectors
import time

from support.api import Account
from support.listeners import topic
from support.raw_http import RawHTTP, request
from support.raw_mqtt import RawMQTT
from support.raw_ws import CLOSE, RawWS, frame

CUTS = 200
BOUND = 0.020


def _open(server, kind: str, channel: str, thing):
    if kind == "ws":
        return RawWS(server.connect("ws"), f"/channels/{channel}/messages", f"Authorization: {thing.key}").socket
    client = RawMQTT(server.connect("mqtt"), 5 if kind == "mqtt5" else 4)
    client.connect(thing.id[:20], thing.id, thing.key)
    assert client.subscribe(topic(channel)) == [0]
    return client.socket


def _removal(account: Account, channel: str, thing, way: str) -> bytes:
    token = f"Authorization: {account.token}"
    if way == "remove":
        return request("DELETE", f"/things/{thing.id}", token)
    if way == "disconnect":
        return request("DELETE", f"/channels/{channel}/things/{thing.id}", token)
    body = json.dumps({"key": f"new-{thing.key}"}).encode()
    return request("PATCH", f"/things/{thing.id}/key", token, "Content-Type: application/json", body=body)


def _measure(api: RawHTTP, order: bytes, connection) -> float:
    """One thread watches both sockets, so that neither time is late by a thread's wake-up."""
    answered = closed = None
    seen = b""
    with selectors.DefaultSelector() as watched:
        watched.register(api.socket, selectors.EVENT_READ)
        watched.register(connection, selectors.EVENT_READ)
        api.send(order)
        while answered is None or closed is None:
            ready = watched.select(timeout=5)
            now = time.perf_counter()
            assert ready, f"answered: {answered is not None}, closed: {closed is not None}"
            for key, _ in ready:
                if key.fileobj is api.socket:
                    assert api.answer(head_only=b"DELETE" in order[:8]).status in (200, 204)
                    answered = now
                elif data := connection.recv(4096):
                    seen += data
                    if data[0] == 0x80 | CLOSE:
                        connection.sendall(frame(CLOSE, data[2:4]))
                else:
                    closed = now
                    watched.unregister(connection)
    return closed - answered


def test_cuts_take_effect_within_20_ms_of_the_answer(server, capsys):
    account = Account(server)
    channel, things = account.channel(), []
    for _ in range(CUTS // 100):
        things += account.things(100)
    account.connect(channel, *things)
    kinds = itertools.cycle(["mqtt", "ws", "mqtt5"])
    ways = itertools.cycle(
        ["remove", "remove", "remove", "disconnect", "disconnect", "disconnect", "key", "key", "key"]
    )
    connections = [_open(server, kind, channel, thing) for kind, thing in zip(kinds, things)]

    with RawHTTP(server.connect("things")) as api:
        taken = sorted(
            _measure(api, _removal(account, channel, thing, way), connection)
            for thing, way, connection in zip(things, ways, connections)
        )

    p50, p99 = taken[len(taken) // 2], taken[int(len(taken) * 0.99) - 1]
    with capsys.disabled():
        print(
            f"\n{CUTS} cuts, from the HTTP answer to the end of the connection: "
            f"p50 {p50 * 1000:.2f} ms, p99 {p99 * 1000:.2f} ms, longest {taken[-1] * 1000:.2f} ms "
            f"({sum(each < 0 for each in taken)} ended before the answer was there)"
        )
    assert p99 <= BOUND
    for each in connections:
        each.close()
