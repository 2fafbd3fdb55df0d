"""Sends a row of a status table and judges the answer."""

import collections.abc
import contextlib
import http.client
import json
import re

from support.server import Server
from support.world import World
from tables.case import UNSET, Case


class Reply:
    def __init__(self, response: http.client.HTTPResponse):
        self.status, self.headers, self.body = response.status, response.headers, response.read()

    def json(self):
        return json.loads(self.body)


def target_of(case: Case, world: World) -> str:
    return world.fill(case.path) + (f"?{world.fill(case.query)}" if case.query else "")


def headers_of(case: Case, world: World) -> dict[str, str]:
    headers = world.fill(case.headers)
    if case.token is not None:
        headers["Authorization"] = world.fill(case.token)
    return headers


def prepared(server: Server, case: Case, world: World) -> collections.abc.Callable[[], Reply]:
    """The request exactly as the row writes it, ready to be sent; whatever it names has been made."""
    body = (
        case.body
        if case.body is not None
        else None if case.json is UNSET else json.dumps(world.fill(case.json)).encode()
    )
    target, headers = target_of(case, world), headers_of(case, world)
    if (type := "application/json" if case.type is UNSET else case.type) and body is not None:
        headers["Content-Type"] = type

    def send() -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", server.ports[case.listener], timeout=30)
        with contextlib.closing(connection):
            connection.putrequest(case.operation.split(" ")[0], target)  # It re-encodes nothing.
            for name, value in headers.items():
                connection.putheader(name, value)
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders()
            with contextlib.suppress(
                BrokenPipeError, ConnectionResetError
            ):  # It may refuse a long body before its end.
                if body:
                    connection.send(body)
            return Reply(connection.getresponse())

    return send


def send(server: Server, case: Case, world: World) -> Reply:
    return prepared(server, case, world)()


def judge(case: Case, reply: Reply, world: World) -> None:
    assert reply.status == case.status, f"{case}: answered {reply.status} {reply.body[:300]!r}"
    head = case.operation.startswith("HEAD ")
    if case.status >= 400 and not head:
        judge_error(case.status, reply)
    if head:
        assert reply.body == b""
    for name, pattern in (case.answers or {}).items():
        value = reply.headers.get(name)
        assert value is not None and re.fullmatch(world.fill(pattern), value), f"{case}: {name} is {value!r}"
    for name, value in (case.shows or {}).items():
        assert reply.json()[name] == world.fill(value), f"{case}: answered {reply.body!r}"


def judge_error(status: int, reply) -> None:
    """The error body that every HTTP listener gives: the contract's `error` beside RFC 9457's members."""
    kind = {name.lower(): value for name, value in dict(reply.headers).items()}.get("content-type", "")
    assert kind.startswith("application/json"), f"{status} as {kind!r}"
    problem = json.loads(reply.body)
    assert problem["status"] == status and problem["type"] == "about:blank", problem
    assert all(isinstance(problem[name], str) and problem[name] for name in ("error", "title", "detail")), problem
