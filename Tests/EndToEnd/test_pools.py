"""Ten thousand good and bad requests leave nothing behind in PostgreSQL: no open transaction, and no pool too large."""

import collections
import concurrent.futures
import http.client
import json
import random
import socket
import time
import uuid

from support import raw_mqtt as mqtt
from support.api import Account
from support.listeners import topic
from support.raw_http import RawHTTP, request
from support.raw_mqtt import RawMQTT

REQUESTS, WORKERS = 10_000, 5
# Each program's pool, as it stands in the driver.
POOL = 8
SEED = 20


class Worker:
    """Sends its share of requests, one after the other, and counts what was answered."""

    def __init__(self, one, other, foreign: Account, seed: int):
        self.views, self.random = (one, other), random.Random(seed)
        self.account, self.foreign = Account(one), foreign
        self.channel, self.thing, _ = self.account.pair()
        self.foreign_channel, self.foreign_thing, _ = foreign.pair()
        self.connections: dict[tuple[int, str], http.client.HTTPConnection] = {}
        self.clients = [RawMQTT(view.connect("mqtt"), 5) for view in self.views]
        for number, client in enumerate(self.clients):
            client.connect(f"p{number}", self.thing.id, self.thing.key)
        self.told: collections.Counter[str] = collections.Counter()

    def run(self, count: int) -> collections.Counter[str]:
        kinds = [self._rest, self._rest, self._users, self._auth, self._publish, self._mqtt, self._broken, self._gone]
        for _ in range(count):
            kind = self.random.choice(kinds)
            self.told[f"{kind.__name__[1:]} {kind()}"] += 1
        return self.told

    def _ask(self, listener: str, method: str, path: str, body=None, **headers: str) -> int:
        key = (self.random.randrange(2), listener)
        if key not in self.connections:
            port = self.views[key[0]].ports[listener]
            self.connections[key] = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection = self.connections[key]
        payload = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        given = {"Content-Type": "application/json"} if payload is not None else {}
        try:
            connection.request(method, path, payload, given | headers)
            answer = connection.getresponse()
            answer.read()
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            connection.close()
            return 0  # Some refusals close the connection, which the next request may learn too late.
        return answer.status

    def _token(self) -> str:
        return self.random.choice([self.account.token, self.account.token, self.foreign.token, "x.y.z"])

    def _rest(self) -> int:
        """Things, channels and connections: own ones, another tenant's, unknown and impossible ones."""
        pick = self.random.choice
        thing = pick([self.thing.id, self.foreign_thing.id, str(uuid.uuid4()), "nothing"])
        channel = pick([self.channel, self.foreign_channel, str(uuid.uuid4())])
        name = pick(["lamp", "", "a\x00b", "x" * 2_000, 7])
        method, path, body = pick(
            [
                ("GET", f"/things/{thing}", None),
                ("GET", f"/things?limit={pick([1, 100, -1, 'x'])}&name=lamp", None),
                ("POST", "/things", {"name": name, "metadata": pick([{}, {"a": 1}, [], "x"])}),
                ("POST", "/things/bulk", [{"name": name}, {"key": self.thing.key}]),
                ("PUT", f"/things/{thing}", {"name": name}),
                ("PATCH", f"/things/{self.foreign_thing.id}/key", {"key": self.thing.key}),
                ("DELETE", f"/things/{uuid.uuid4()}", None),
                ("POST", "/channels", {"name": name}),
                ("GET", f"/channels/{channel}/things", None),
                ("POST", "/connect", {"channel_ids": [channel], "thing_ids": [thing]}),
                ("PUT", f"/channels/{channel}/things/{self.thing.id}", None),
                ("DELETE", f"/channels/{self.foreign_channel}/things/{self.foreign_thing.id}", None),
            ]
        )
        return self._ask("things", method, path, body, Authorization=self._token())

    def _users(self) -> int:
        """Few of these ask for a hash, which is slow by intent."""
        pick = self.random.choice
        method, path, body = pick(
            [
                ("GET", "/users", None),
                ("PUT", "/users", {"metadata": pick([{}, {"a": [1]}, 5])}),
                ("POST", "/users", {"email": "no address", "password": "x"}),
                ("POST", "/users", b"{"),
                ("PATCH", "/password", {"password": "x"}),
            ]
        )
        return self._ask("users", method, path, body, Authorization=self._token())

    def _auth(self) -> int:
        key = self.random.choice([self.thing.key, self.foreign_thing.key, "unknown", ""])
        if self.random.random() < 0.5:
            return self._ask("auth", "POST", "/identify", {"token": key})
        return self._ask("auth", "POST", f"/channels/{self.channel}/access-by-key", {"token": key})

    def _publish(self) -> int:
        key = self.random.choice([self.thing.key, self.foreign_thing.key, uuid.uuid4().hex])
        path = f"/channels/{self.random.choice([self.channel, self.foreign_channel])}/messages/{uuid.uuid4().hex[:2]}"
        return self._ask("http", "POST", path, b"21.5", Authorization=key)

    def _mqtt(self) -> int:
        channel = self.random.choice([self.channel, self.foreign_channel])
        client = self.random.choice(self.clients)
        answer = client.send(mqtt.publish(topic(channel), b"21.5", 1, version=5)).packet()
        return answer.body[2] if len(answer.body) > 2 else 0

    def _broken(self) -> int:
        """Half a request, or one that isn't any."""
        listener = self.random.choice(["users", "things", "auth", "http"])
        whole = request("POST", "/things", f"Authorization: {self.account.token}", body=b'{"name": "lamp"}')
        with RawHTTP(self.views[0].connect(listener)) as raw:
            raw.send(self.random.choice([whole[:-5], b"\x16\x03\x01", b"GET\r\n\r\n"]))
            return -1

    def _gone(self) -> int:
        """A client that doesn't wait for its answer."""
        token, body = f"Authorization: {self.account.token}", json.dumps([{"name": "lamp"}] * 20).encode()
        asked = [request("GET", "/things?limit=100", token), request("POST", "/things/bulk", token, body=body)]
        with RawHTTP(self.views[0].connect("things")) as raw:
            raw.send(self.random.choice(asked))
            raw.socket.shutdown(socket.SHUT_RDWR)
        return -1


def test_no_transaction_stays_open_and_no_pool_grows(separate, one, other, capsys):
    foreign = Account(one)
    workers = [Worker(one, other, foreign, SEED + number) for number in range(WORKERS)]
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        began = time.monotonic()
        told = sum(pool.map(lambda worker: worker.run(REQUESTS // WORKERS), workers), collections.Counter())
        took = time.monotonic() - began

    sessions = _settled(separate.postgres)
    with capsys.disabled():
        print(f"\n{REQUESTS} requests in {took:.1f} s: {dict(sorted(told.items()))}; sessions: {sessions}")
    assert not [each for each in told if each.rsplit(" ", 1)[1] in ("500", "502", "503")], told
    assert {state for _, state in sessions} == {"idle"}
    for database in ("users", "things"):
        assert 0 < sum(count for (name, _), count in sessions.items() if name == database) <= POOL
    separate.check()


def _settled(postgres) -> dict[tuple[str, str], int]:
    """The sessions of the two programs by their state, once the last request is over."""
    question = (
        "SELECT datname, state, count(*) FROM pg_stat_activity WHERE datname IN ('users', 'things') GROUP BY 1, 2"
    )
    deadline = time.monotonic() + 5
    while True:
        sessions = {(name, state): int(count) for name, state, count in postgres.query(question)}
        if {state for _, state in sessions} == {"idle"} or time.monotonic() > deadline:
            return sessions
