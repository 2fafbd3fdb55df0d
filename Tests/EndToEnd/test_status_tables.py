"""Every row of the status tables, against the running server."""

import pytest

from support.exchange import headers_of, judge, judge_error, send, target_of
from support.programs import ONE_PROGRAM, SEPARATE_PROGRAMS
from support.raw_http import RawHTTP
from support.raw_ws import RawWS, handshake
from support.world import World
from tables.auth_api import AUTH
from tables.connections import CONNECTIONS
from tables.http_adapter import HTTP_ADAPTER
from tables.routing import ROUTING
from tables.things import THINGS
from tables.users import USERS
from tables.ws_adapter import CLOSING, HANDSHAKE

PLATFORMS = [ONE_PROGRAM, SEPARATE_PROGRAMS]


@pytest.fixture
def world(alice, mallory) -> World:
    return World(alice, mallory)


@pytest.mark.parametrize("case", [*USERS, *THINGS, *CONNECTIONS, *AUTH, *HTTP_ADAPTER, *ROUTING], ids=str)
def test_the_answer_is_as_tabled(server, world, case):
    if case.listener not in server.ports:
        pytest.skip("each of the separate programs has its own")
    judge(case, send(server, case, world), world)


@pytest.mark.parametrize("case", HANDSHAKE, ids=str)
def test_the_handshake_is_answered_as_tabled(server, world, case):
    headers = headers_of(case, world)
    lines = [f"{name}: {value}" for name, value in headers.items() if value is not None]
    without = tuple(name for name, value in headers.items() if value is None)
    request = handshake(target_of(case, world), *lines, without=without)
    request = request.replace(b"GET", case.operation.split(" ")[0].encode(), 1)

    with RawHTTP(server.connect("ws")) as http:
        answer = http.send(request).answer(head_only=case.status == 101)
        assert answer.status == case.status, f"{case}: answered {answer}"
        if case.status >= 400:
            judge_error(case.status, answer)


@pytest.mark.parametrize("case", CLOSING, ids=str)
def test_the_frames_end_the_connection_with_the_tabled_code(server, world, unharmed, case):
    key = f"Authorization: {world.connected_key}"
    with RawWS(server.connect("ws"), world.fill(case.path), key) as socket:
        assert socket.send(case.data).close_code() == case.code
