"""A thin REST client: an account with its token, and what it provisions."""

import collections.abc
import dataclasses
import itertools
import time
import uuid

import requests

from support.server import Platform

PASSWORD = "correct horse battery"
_numbers = itertools.count(1)


def new_email(label: str = "user") -> str:
    return f"{label}{next(_numbers)}-{uuid.uuid4().hex[:8]}@example.com"


@dataclasses.dataclass(frozen=True)
class Thing:
    id: str
    key: str


class Account:
    """One registered account; its calls expect to succeed and return what was answered."""

    def __init__(self, server: Platform, email: str | None = None, password: str = PASSWORD):
        self.server, self.password = server, password
        self.email = email or new_email()
        self.http = requests.Session()
        self.call("users", "POST", "/users", json={"email": self.email, "password": password}, expect=201)
        self.log_in()

    def log_in(self) -> str:
        body = {"email": self.email, "password": self.password}
        self.token = self.call("users", "POST", "/tokens", json=body, expect=201).json()["token"]
        self.http.headers["Authorization"] = self.token
        return self.token

    def call(self, listener: str, method: str, path: str, expect: int, **options) -> requests.Response:
        # With each request: a session's own setting gives way to variables like REQUESTS_CA_BUNDLE.
        options = {"timeout": 10, "verify": self.server.verify, **options}
        answer = self.http.request(method, self.server.url(listener, path), **options)
        assert answer.status_code == expect, f"{method} {path}: {answer.status_code} {answer.text}, not {expect}"
        return answer

    def things(self, count: int = 1, **fields) -> list[Thing]:
        answer = self.call("things", "POST", "/things/bulk", json=[fields] * count, expect=201)
        return [Thing(each["id"], each["key"]) for each in answer.json()["things"]]

    def thing(self, **fields) -> Thing:
        return self.things(1, **fields)[0]

    def channel(self, **fields) -> str:
        return self.call("things", "POST", "/channels", json=fields, expect=201).headers["Location"].split("/")[-1]

    def connect(self, channel: str, *things: Thing) -> None:
        body = {"channel_ids": [channel], "thing_ids": [each.id for each in things]}
        self.call("things", "POST", "/connect", json=body, expect=200)

    def disconnect(self, channel: str, thing: Thing) -> None:
        self.call("things", "DELETE", f"/channels/{channel}/things/{thing.id}", expect=204)

    def remove_thing(self, thing: Thing) -> None:
        self.call("things", "DELETE", f"/things/{thing.id}", expect=204)

    def change_key(self, thing: Thing, key: str) -> Thing:
        self.call("things", "PATCH", f"/things/{thing.id}/key", json={"key": key}, expect=200)
        return Thing(thing.id, key)

    def remove_channel(self, channel: str) -> None:
        self.call("things", "DELETE", f"/channels/{channel}", expect=204)

    def remove(self) -> None:
        self.call("users", "DELETE", "/users", expect=204)

    def pair(self) -> tuple[str, Thing, Thing]:
        """A channel with two things connected to it."""
        channel, (first, second) = self.channel(), self.things(2)
        self.connect(channel, first, second)
        return channel, first, second


def publish_http(
    server: Platform, channel: str, key: str, payload: bytes, subtopic: str = "", content_type: str = ""
) -> int:
    """One message over the HTTP adapter; the status tells."""
    headers = {"Authorization": key} | ({"Content-Type": content_type} if content_type else {})
    path = f"/channels/{channel}/messages" + (f"/{subtopic}" if subtopic else "")
    url = server.url("http", path)
    return requests.post(url, data=payload, headers=headers, timeout=30, verify=server.verify).status_code


def accepted_until_refused(server: Platform, is_refused: collections.abc.Callable[[], bool]) -> int:
    """How many attempts still went through: none in one process, among several those before all have heard of it."""
    end = time.monotonic() + server.cut_bound
    for count in itertools.count():
        if is_refused():
            return count
        assert time.monotonic() < end, f"{count + 1} were accepted"


def assert_refused(server: Platform, channel: str, thing: Thing) -> None:
    accepted_until_refused(server, lambda: publish_http(server, channel, thing.key, b"late") == 403)
