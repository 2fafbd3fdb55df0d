"""Takes rights away while sessions live by them, and measures when these end."""

import dataclasses
import json
import selectors
import socket
import time
import uuid

from support.api import Account, Thing
from support.listeners import topic
from support.raw_http import RawHTTP, request
from support.raw_mqtt import RawMQTT
from support.raw_ws import CLOSE, RawWS, frame
from support.server import Platform


def open_session(server: Platform, kind: str, channel: str, thing: Thing) -> socket.socket:
    """A live subscription to the channel: `mqtt` (3.1.1), `mqtt5` or `ws`."""
    if kind == "ws":
        opened = RawWS(server.connect("ws"), f"/channels/{channel}/messages", f"Authorization: {thing.key}")
        assert opened.answer.status == 101
        return opened.socket
    client = RawMQTT(server.connect("mqtt"), 5 if kind == "mqtt5" else 4)
    client.connect(uuid.uuid4().hex[:20], thing.id, thing.key)
    assert client.subscribe(topic(channel)) == [0]
    return client.socket


def removal(account: Account, channel: str, thing: Thing, way: str) -> bytes:
    """The request that takes the thing's right to the channel away, in one of the ways there are."""
    token = f"Authorization: {account.token}"
    if way == "key":
        body = json.dumps({"key": f"new-{thing.key}"}).encode()
        return request("PATCH", f"/things/{thing.id}/key", token, "Content-Type: application/json", body=body)
    target = {
        "thing": f"/things/{thing.id}",
        "disconnect": f"/channels/{channel}/things/{thing.id}",
        "channel": f"/channels/{channel}",
        "account": "/users",
    }[way]
    return request("DELETE", target, token)


@dataclasses.dataclass
class Timing:
    """When the request was sent, when its answer was there, and when each session was over."""

    sent: float
    answered: float
    ended: list[float]


def measure(api: RawHTTP, order: bytes, sessions: list[socket.socket]) -> Timing:
    """One thread watches all sockets, so that no time is late by a thread's wake-up."""
    answered, ended = None, {}
    with selectors.DefaultSelector() as watched:
        for each in (api.socket, *sessions):
            watched.register(each, selectors.EVENT_READ)
        sent = time.perf_counter()
        api.send(order)
        while answered is None or len(ended) < len(sessions):
            ready = watched.select(timeout=5)
            now = time.perf_counter()
            assert ready, f"answered: {answered is not None}, ended: {len(ended)} of {len(sessions)}"
            for key, _ in ready:
                session = key.fileobj
                if session is api.socket:
                    assert api.answer(head_only=order.startswith(b"DELETE")).status in (200, 204)
                    answered = now
                elif data := session.recv(4096):
                    if data[0] == 0x80 | CLOSE:
                        session.sendall(frame(CLOSE, data[2:4]))
                else:
                    ended[session] = now
                    watched.unregister(session)
    for each in sessions:
        each.close()
    return Timing(sent, answered, [ended[each] for each in sessions])


def await_end(session: socket.socket, within: float) -> float:
    """When the server ended the session; what it says before that is read over. Raises TimeoutError if it doesn't."""
    deadline = time.perf_counter() + within
    while (left := deadline - time.perf_counter()) > 0:
        session.settimeout(left)
        if not (data := session.recv(4096)):
            return time.perf_counter()
        if data[0] == 0x80 | CLOSE:
            session.sendall(frame(CLOSE, data[2:4]))
    raise TimeoutError


class Summary:
    """Durations in milliseconds, sorted."""

    def __init__(self, seconds: list[float]):
        self.values = sorted(each * 1000 for each in seconds)

    @property
    def p99(self) -> float:
        return self.values[max(0, int(len(self.values) * 0.99) - 1)]

    def __str__(self) -> str:
        median, longest = self.values[len(self.values) // 2], self.values[-1]
        return f"p50 {median:.2f} ms, p99 {self.p99:.2f} ms, longest {longest:.2f} ms"
