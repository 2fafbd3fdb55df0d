"""Publishers and listeners that go on whatever happens to the platform, and remember what they were told."""

import collections
import contextlib
import itertools
import threading
import time
import uuid

import requests

from support import raw_mqtt as mqtt
from support.api import Thing
from support.listeners import topic
from support.programs import SeparatePrograms, View
from support.raw_http import Ended, RawHTTP, request
from support.raw_mqtt import RawMQTT
from support.raw_ws import CLOSE, RawWS, frame

PAUSE = 0.01  # Between two attempts of one client, so that the platform has time for all.

# MQTT 3.1.1 closes the connection for either of the last two.
ACCEPTED, RETRY, REFUSED, CLOSED = "accepted", "told to try again", "refused", "closed"


class Attempts:
    """A thread that tries something again and again. `told` counts the outcomes."""

    def __init__(self, name: str, attempt):
        self.name, self.attempt = name, attempt
        self.told: collections.Counter[str] = collections.Counter()
        self.ended = threading.Event()
        self.failure: BaseException | None = None
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            while not self.ended.wait(PAUSE):
                self.told[self.attempt()] += 1
        except BaseException as failure:  # Shown by the test, which is on another thread.
            self.failure = failure

    def count(self, outcomes: tuple[str, ...]) -> int:
        return sum(self.told[each] for each in outcomes)

    def stop(self) -> None:
        self.ended.set()
        self.thread.join(20)
        assert not self.thread.is_alive(), self.name
        assert self.failure is None, f"{self.name}: {self.failure!r}"


def await_more(attempts: list[Attempts], outcomes: tuple[str, ...], times: int, within: float = 15) -> None:
    """Waits until each has seen so many more of these outcomes."""
    wanted = {each: each.count(outcomes) + times for each in attempts}
    deadline = time.monotonic() + within
    while missing := [each for each, count in wanted.items() if each.count(outcomes) < count]:
        for each in missing:
            assert each.failure is None, f"{each.name}: {each.failure!r}"
            assert time.monotonic() < deadline, f"{each.name}: {dict(each.told)}, but not {times} more of {outcomes}"
        time.sleep(PAUSE)


class HTTPClient:
    """Publishes over HTTP. No answer at all is a failure: nothing happens to the adapter."""

    def __init__(self, view: View, channel: str, thing: Thing, label: str):
        self.session, self.url = requests.Session(), view.url("http", f"/channels/{channel}/messages")
        self.session.headers["Authorization"] = thing.key
        self.payloads = (f"{label} {number}".encode() for number in itertools.count())

    def __call__(self) -> str:
        answer = self.session.post(self.url, data=next(self.payloads), timeout=10)
        if answer.status_code == 503:
            assert "Retry-After" in answer.headers
        return {202: ACCEPTED, 503: RETRY, 403: REFUSED}[answer.status_code]


class MQTTClient:
    """Publishes with QoS 1, and connects again when it has been sent away."""

    def __init__(self, view: View, channel: str, thing: Thing, label: str, version: int):
        self.view, self.thing, self.topic, self.version = view, thing, topic(channel), version
        self.payloads = (f"{label} {number}".encode() for number in itertools.count())
        self.name = uuid.uuid4().hex[:20]  # One of these at each adapter doesn't take over from another.
        self.client: RawMQTT | None = None

    def __call__(self) -> str:
        if self.client is None:
            return self._connect()
        try:
            packet = mqtt.publish(self.topic, next(self.payloads), 1, version=self.version)
            answer = self.client.send(packet).packet()
        except Ended:
            assert self.version == 4, "MQTT 5 is told why"
            self._close()
            return CLOSED
        if answer.kind == mqtt.DISCONNECT:
            self._close()
            return {0x87: REFUSED}[answer.body[0]]
        assert answer.kind == mqtt.PUBACK, answer
        code = answer.body[2] if len(answer.body) > 2 else 0
        return {0: ACCEPTED, 0x10: ACCEPTED, 0x83: RETRY, 0x87: REFUSED}[code]

    def _connect(self) -> str:
        client = RawMQTT(self.view.connect("mqtt", timeout=10), self.version)
        client.send(mqtt.connect(self.name, self.thing.id, self.thing.key, self.version))
        answer = client.packet()
        assert answer.kind == mqtt.CONNACK, answer
        code = answer.body[1]
        if code == 0:
            self.client = client
            return "connected"
        client.socket.close()
        return {3: RETRY, 0x88: RETRY, 4: REFUSED, 0x86: REFUSED}[code]

    def _close(self) -> None:
        self.client.socket.close()
        self.client = None


class WebSocketPublisher:
    """Publishes over a WebSocket, and hears itself: what comes back was accepted. Opens another when it was closed."""

    def __init__(self, view: View, channel: str, thing: Thing, label: str):
        self.view, self.thing, self.target = view, thing, f"/channels/{channel}/messages/{label}"
        self.payloads = (f"{label} {number}".encode() for number in itertools.count())
        self.socket: RawWS | None = None

    def __call__(self) -> str:
        if self.socket is None:
            return self._open()
        payload = next(self.payloads)
        self.socket.send(frame(2, payload))
        opcode, data = self.socket.frame()
        if opcode == CLOSE:
            self.socket.socket.close()
            self.socket = None
            return {1013: RETRY, 1008: REFUSED}[int.from_bytes(data[:2])]
        assert data == payload, f"{data!r}, not {payload!r}"
        return ACCEPTED

    def _open(self) -> str:
        opened = RawWS(self.view.connect("ws", timeout=10), self.target, f"Authorization: {self.thing.key}")
        if opened.answer.status == 101:
            self.socket = opened
            return "connected"
        opened.socket.close()
        return {503: RETRY, 403: REFUSED}[opened.answer.status]


class RESTClient:
    """Asks a service of the platform; `"out of reach"` where there is none."""

    def __init__(self, view: View, listener: str, path: str, token: str):
        self.view, self.listener = view, listener
        self.asked = request("GET", path, f"Authorization: {token}", "Connection: close")

    def __call__(self) -> str:
        try:
            with RawHTTP(self.view.connect(self.listener, timeout=15)) as http:
                answer = http.send(self.asked).answer()
        except (ConnectionRefusedError, Ended):
            return "out of reach"
        if answer.status == 503:
            assert "retry-after" in answer.headers
        return {200: ACCEPTED, 503: RETRY}[answer.status]


class Listener:
    """A thread that reads what a subscription receives. It is never opened again."""

    def __init__(self, name: str, receive):
        self.name, self.receive = name, receive
        self.payloads: list[bytes] = []
        self.failure: BaseException | None = None
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        try:
            while True:
                self.payloads.append(self.receive())
        except BaseException as failure:  # Also the end of the test.
            self.failure = failure

    def hears(self, wanted: bytes, within: float = 10) -> None:
        deadline = time.monotonic() + within
        while wanted not in self.payloads[-50:]:
            assert self.failure is None, f"{self.name} was ended: {self.failure!r}"
            assert time.monotonic() < deadline, f"{self.name} hasn't received {wanted!r}"
            time.sleep(PAUSE)


class Readiness:
    """Polls every program, and keeps each change of what it says it lacks."""

    def __init__(self, platform: SeparatePrograms):
        self.platform = platform
        self.changes: dict[str, list[tuple[str, ...] | None]] = {each.name: [] for each in platform.programs}
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        while not self.ended.wait(PAUSE):
            for program in self.platform.programs:
                down = program.down()
                seen = None if down is None else tuple(sorted(down))
                if self.changes[program.name][-1:] != [seen]:
                    self.changes[program.name].append(seen)

    def now(self, name: str) -> tuple[str, ...] | None:
        return self.changes[name][-1] if self.changes[name] else None

    def wait_for(self, wanted: dict[str, tuple[str, ...] | None], within: float = 20) -> float:
        """Until these programs say just this; answers how long that took."""
        began = time.monotonic()
        while any(self.now(name) != down for name, down in wanted.items()):
            waited = time.monotonic() - began
            assert waited < within, f"{ {name: self.now(name) for name in wanted} }, not {wanted}"
            time.sleep(PAUSE)
        return time.monotonic() - began

    def stop(self) -> None:
        self.ended.set()
        self.thread.join(20)


@contextlib.contextmanager
def watching(platform: SeparatePrograms):
    readiness = Readiness(platform)
    try:
        yield readiness
    finally:
        readiness.stop()
