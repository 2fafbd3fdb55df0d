"""Copies come and go, services stop and start, and nginx goes on."""

import uuid

import pytest

from support.api import Account
from support.raw_ws import BINARY, RawWS, frame
from support.tls import context, secured

pytestmark = pytest.mark.mode("key")


@pytest.fixture
def channel(composition):
    account = Account(composition)
    channel, first, second = account.pair()
    return channel, first, second


@pytest.fixture
def two_copies(composition):
    scale = ["--scale", "http-adapter=2", "--scale", "ws-adapter=2"]
    composition.compose("up", "--detach", "--no-recreate", "--no-build", "--wait", *scale, "http-adapter", "ws-adapter")
    yield composition
    composition.compose("up", "--detach", "--no-recreate", "--no-build", "http-adapter", "ws-adapter")


def _logged_addresses(composition, path: str) -> set[str]:
    """Where nginx has sent the requests for a path."""
    lines = [line for line in composition.logs("nginx").splitlines() if path in line]
    return {part.split('"')[2] for line in lines for part in line.split('"address')[1:]}


def test_requests_reach_both_copies_and_a_message_from_one_arrives_once_at_the_other(two_copies, channel):
    name, publisher, subscriber = channel
    path = f"/channels/{name}/messages"
    trust = context(two_copies.pki.ca)
    sockets = [
        RawWS(secured(two_copies, "ws", trust), f"/ws{path}", f"Authorization: {subscriber.key}") for _ in range(8)
    ]
    payloads = [uuid.uuid4().hex.encode() for _ in range(16)]
    for payload in payloads:
        two_copies.await_answer(
            f"/http{path}", 202, method="POST", data=payload, headers={"Authorization": publisher.key}
        )

    for socket in sockets:
        assert socket.answer.status == 101
        assert [socket.frame()[1] for _ in payloads] == payloads
        socket.send(frame(BINARY, b"") + frame(8, b"\x03\xe8"))
        socket.socket.close()
    assert len(_logged_addresses(two_copies, f"/http{path}")) == 2
    assert len(_logged_addresses(two_copies, f"/ws{path}")) == 2


def test_a_service_that_is_stopped_is_a_retryable_error_and_is_found_again_when_it_is_back(composition, channel):
    name, publisher, _ = channel
    ask = {"method": "POST", "data": b"x", "headers": {"Authorization": publisher.key}}
    path = f"/http/channels/{name}/messages"
    (nginx,) = composition.containers("nginx")

    composition.compose("stop", "http-adapter")
    refused = composition.await_answer(path, 502, 503, 504, **ask)
    composition.compose("start", "http-adapter")

    assert refused.headers["Retry-After"] == "1" and refused.json()["status"] == refused.status_code
    composition.await_answer(path, 202, **ask)
    (after,) = composition.containers("nginx")
    assert after["State"]["Pid"] == nginx["State"]["Pid"], "nginx is still the same process"


def test_a_database_that_is_stopped_is_told_of_and_heals(composition):
    account = Account(composition)
    answer = {"headers": {"Authorization": account.token}}
    composition.compose("stop", "things-db")
    refused = composition.await_answer("/things", 503, **answer)
    composition.compose("start", "things-db")

    assert refused.headers["Retry-After"]
    composition.await_answer("/things", 200, **answer)
