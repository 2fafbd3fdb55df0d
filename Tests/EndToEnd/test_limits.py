"""Log-in and registration are limited, per address and per account, unless a developer switches that off."""

import http.client
import json
import subprocess

import pytest

from support.api import PASSWORD, new_email
from support.exchange import Reply, judge
from support.server import BINARY, Server
from support.world import World
from tables.users import LIMITED, LOG_IN

MANY = 300


@pytest.fixture(scope="module")
def limited(program, tmp_path_factory):
    running = Server(tmp_path_factory.mktemp("limited"), limits_off=False).start()
    yield running
    running.check()
    running.stop()


def _post(
    server, path: str, body: dict, address: str, method: str = "POST", token: str = "", forwarded: str = ""
) -> Reply:
    connection = http.client.HTTPConnection("127.0.0.1", server.ports["users"], timeout=15, source_address=(address, 0))
    try:
        headers = {"Content-Type": "application/json"} | ({"Authorization": token} if token else {})
        headers |= {"X-Forwarded-For": forwarded} if forwarded else {}
        connection.request(method, path, json.dumps(body), headers)
        return Reply(connection.getresponse())
    finally:
        connection.close()


def _first_refusal(attempts) -> tuple[int, Reply]:
    """How many attempts were let through, and the answer to the first that was not."""
    for count, answer in enumerate(attempts):
        if answer.status == 429:
            return count, answer
    raise AssertionError(f"{MANY} attempts, and no limit")


def _case(operation: str):
    return next(case for case in LIMITED if case.operation == operation)


def test_log_ins_are_limited_per_address(limited):
    attempts = (_post(limited, "/tokens", {**LOG_IN, "email": new_email()}, "127.0.1.1") for _ in range(MANY))

    allowed, answer = _first_refusal(attempts)

    judge(_case("POST /tokens"), answer, World(None, None))
    assert allowed >= 5, "a person mistypes now and then"
    other = _post(limited, "/tokens", {**LOG_IN, "email": new_email()}, "127.0.1.2")
    assert other.status == 403, "another address has its own limit"


def test_log_ins_are_limited_per_account_wherever_they_come_from(limited):
    email = new_email()
    assert _post(limited, "/users", {"email": email, "password": PASSWORD}, "127.0.2.250").status == 201
    wrong = {"email": email, "password": "not the password"}
    attempts = (_post(limited, "/tokens", wrong, f"127.0.2.{number % 240 + 1}") for number in range(MANY))

    allowed, answer = _first_refusal(attempts)

    judge(_case("POST /tokens"), answer, World(None, None))
    assert allowed >= 3
    assert _post(limited, "/tokens", {**wrong, "email": new_email()}, "127.0.2.245").status == 403


def test_an_unknown_account_is_limited_like_a_known_one(limited):
    wrong = {"email": new_email(), "password": "not the password"}
    attempts = (_post(limited, "/tokens", wrong, f"127.0.3.{number % 240 + 1}") for number in range(MANY))

    assert _first_refusal(attempts)[1].status == 429


def test_guesses_at_the_old_password_are_limited(limited):
    credentials = {"email": new_email(), "password": PASSWORD}
    assert _post(limited, "/users", credentials, "127.0.5.250").status == 201
    token = _post(limited, "/tokens", credentials, "127.0.5.250").json()["token"]
    guess = {"old_password": "not the password", "password": "another horse"}
    attempts = (
        _post(limited, "/password", guess, f"127.0.5.{number % 240 + 1}", "PATCH", token) for number in range(MANY)
    )

    allowed, answer = _first_refusal(attempts)

    judge(_case("PATCH /password"), answer, World(None, None))
    assert allowed >= 3


def test_registrations_are_limited_per_address(limited):
    attempts = (
        _post(limited, "/users", {"email": new_email(), "password": PASSWORD}, "127.0.4.1") for _ in range(MANY)
    )

    _, answer = _first_refusal(attempts)

    judge(_case("POST /users"), answer, World(None, None))
    assert _post(limited, "/users", {"email": new_email(), "password": PASSWORD}, "127.0.4.2").status == 201


def test_limits_cannot_be_switched_off_in_production(tmp_path):
    environment = {"MF_LIMITS_OFF": "true", "MF_DATA_DIR": str(tmp_path / "data"), "PATH": "/usr/bin:/bin"}

    ended = subprocess.run([BINARY, "serve"], env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=20)

    assert ended.returncode != 0
    assert "MF_LIMITS_OFF" in ended.stdout + ended.stderr


@pytest.fixture(scope="module")
def proxied(program, tmp_path_factory):
    """A server that believes two proxies."""
    directory, proxies = tmp_path_factory.mktemp("proxied"), "127.0.3.1, 127.0.4.0/24"
    running = Server(directory, limits_off=False, MF_USERS_TRUSTED_PROXIES=proxies).start()
    yield running
    running.check()
    running.stop()


def _register(server, address: str, forwarded: str) -> Reply:
    body = {"email": new_email(), "password": PASSWORD}
    return _post(server, "/users", body, address, forwarded=forwarded)


def test_behind_a_trusted_proxy_each_client_has_its_own_limit(proxied):
    _first_refusal(_register(proxied, "127.0.3.1", "198.51.100.1") for _ in range(MANY))

    for address, forwarded in (
        ("127.0.3.1", "203.0.113.9, 198.51.100.1"),
        ("127.0.4.7", "198.51.100.1, 127.0.3.1"),
        ("127.0.3.1", "198.51.100.1"),
    ):
        # On a slow machine one is free again by now; a client of its own would have twenty.
        allowed, _ = _first_refusal(_register(proxied, address, forwarded) for _ in range(MANY))
        assert allowed < 10, "the same client, whatever it claims"
    assert _register(proxied, "127.0.3.1", "198.51.100.2").status == 201
    assert _register(proxied, "127.0.3.1", "198.51.100.1, 198.51.100.3").status == 201


def test_who_is_no_trusted_proxy_cannot_choose_its_address(proxied):
    count, _ = _first_refusal(_register(proxied, "127.0.5.1", f"198.51.100.{count}") for count in range(100, 250))
    assert count < 30
