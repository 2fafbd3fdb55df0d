"""What each of the separate programs tells its operator: health, version, metrics, and the command that asks for it."""

import re
import time

import pytest
import requests

from support.command import run
from support.programs import SeparateProgram, free_ports
from tables.variables import NEEDED, PROGRAMS

# What each can't do without.
DEPENDENCIES = {
    "users": {"postgres", "nats"},
    "things": {"postgres", "nats", "users"},
    "http-adapter": {"things", "nats"},
    "ws-adapter": {"things", "nats"},
    "mqtt-adapter": {"things", "nats"},
}
# Listeners that open when there is a database.
LATE = {"users": {"users", "users-grpc"}, "things": {"things", "things-auth", "things-grpc"}}
# Names of this kind, and no others, make a sample of the Prometheus text format.
SAMPLE = re.compile(
    r'[a-zA-Z_:][a-zA-Z0-9_:]*(\{[a-zA-Z_]\w*="(?:[^"\\\n]|\\.)*"(,[a-zA-Z_]\w*="(?:[^"\\\n]|\\.)*")*\})? \S+'
)


def _nowhere() -> dict[str, str]:
    """Variables that lead to nobody."""
    database, nats, rpc = free_ports(3)
    return {
        **{f"MF_{service}_DB_HOST": "127.0.0.1" for service in ("USERS", "THINGS")},
        **{f"MF_{service}_DB_PORT": str(database) for service in ("USERS", "THINGS")},
        "MF_NATS_URL": f"nats://127.0.0.1:{nats}",
        "MF_USERS_URL": f"127.0.0.1:{rpc}",
        "MF_THINGS_URL": f"127.0.0.1:{rpc}",
    }


def _on_loopback(name: str) -> dict[str, str]:
    return {f"{prefix}_HOST": "127.0.0.1" for prefix in ("MF_USERS_HTTP", "MF_THINGS_HTTP", PROGRAMS[name])}


def _await_alive(program: SeparateProgram, within: float = 10) -> None:
    deadline = time.monotonic() + within
    while program.down() is None:
        assert time.monotonic() < deadline, program.log()
        time.sleep(0.02)  # Polling is the only way to learn that a port has been opened.


@pytest.fixture(scope="module", params=PROGRAMS)
def running(request, separate) -> SeparateProgram:
    """A program of the shared platform."""
    return next(each for each in separate.programs if each.kind == request.param)


@pytest.fixture(scope="module", params=PROGRAMS)
def alone(request, program, tmp_path_factory) -> SeparateProgram:
    """A program with nobody around it."""
    name = request.param
    variables = {**NEEDED.get(name, {}), **_nowhere(), **_on_loopback(name), "MF_SHUTDOWN_GRACE": "5s"}
    made = SeparateProgram(name, tmp_path_factory.mktemp("alone"), variables).launch()
    _await_alive(made)
    yield made
    made.check()
    assert made.stop() == 0


class TestRunning:
    def test_it_is_alive_and_ready(self, running):
        for path in ("/health/live", "/health/ready"):
            answer = requests.get(running.url("ops", path), timeout=5)
            assert (answer.status_code, answer.json()) == (200, {"status": "up"})
            assert answer.headers["Content-Type"].startswith("application/json")

    def test_it_says_which_version_it_is(self, running):
        told = requests.get(running.url("ops", "/version"), timeout=5).json()
        assert told == {"service": running.kind, "version": run(running.kind, "--version").printed.strip()}

    def test_it_counts_in_prometheus_text(self, running):
        answer = requests.get(running.url("ops", "/metrics"), timeout=5)
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        lines = answer.text.splitlines()
        samples = [line for line in lines if line and not line.startswith("#")]
        assert len(samples) > 3
        for line in samples:
            assert SAMPLE.fullmatch(line), line
            float(line.rpartition(" ")[2])
        named = [line.partition("{")[0].partition(" ")[0] for line in samples]
        assert [each for each in set(named) if not _has_type(each, lines)] == []
        assert len(samples) == len({line.rpartition(" ")[0] for line in samples}), "a series stands there twice"

    @pytest.mark.parametrize(
        "method, path, status",
        [
            ("GET", "/", 404),
            ("GET", "/health", 404),
            ("GET", "/users", 404),
            ("POST", "/metrics", 405),
            ("DELETE", "/version", 405),
        ],
    )
    def test_it_answers_nothing_else(self, running, method, path, status):
        assert requests.request(method, running.url("ops", path), timeout=5).status_code == status

    def test_the_health_check_of_the_same_program_succeeds(self, running):
        for _ in range(10):
            ended = run(running.kind, "--check-health", **running.variables)
            assert (ended.code, ended.said) == (0, "")
            assert '"status":"up"' in ended.printed


def _has_type(name: str, lines: list[str]) -> bool:
    family = re.sub("_(bucket|sum|count)$", "", name)
    return any(line.startswith((f"# TYPE {name} ", f"# TYPE {family} ")) for line in lines)


class TestAlone:
    def test_it_is_alive_and_says_what_it_lacks_and_why(self, alone):
        assert requests.get(alone.url("ops", "/health/live"), timeout=5).status_code == 200
        answer = requests.get(alone.url("ops", "/health/ready"), timeout=5)
        told = answer.json()

        assert answer.status_code == 503 and told["status"] == "down"
        lacking = DEPENDENCIES[alone.kind] | LATE.get(alone.kind, set())
        assert set(told["down"]) == lacking and told["down"] == sorted(told["down"])
        assert set(told["reasons"]) == lacking and all(told["reasons"].values())

    def test_the_reasons_hold_no_secret(self, alone):
        answer = requests.get(alone.url("ops", "/health/ready"), timeout=5).text
        assert [each for each in NEEDED.get(alone.kind, {}).values() if each in answer] == []

    def test_the_health_check_fails_and_prints_it(self, alone):
        ended = run(alone.kind, "--check-health", **alone.variables)
        assert ended.code == 1
        assert all(each in ended.printed for each in ("down", *DEPENDENCIES[alone.kind]))

    def test_it_counts_and_tells_its_version_all_the_same(self, alone):
        assert requests.get(alone.url("ops", "/version"), timeout=5).json()["service"] == alone.kind
        assert requests.get(alone.url("ops", "/metrics"), timeout=5).status_code == 200


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_operators_port_can_be_on_tls_and_the_health_check_finds_it_there(program, pki, tmp_path, name):
    pair = pki.variables(f"{PROGRAMS[name]}_OPS")
    variables = {**NEEDED.get(name, {}), **_nowhere(), **_on_loopback(name), **pair}
    made = SeparateProgram(name, tmp_path, variables, ca=pki.ca).launch()
    try:
        _await_alive(made)
        assert requests.get(made.url("ops", "/version"), timeout=5, verify=made.verify).json()["service"] == name
        ended = run(name, "--check-health", **made.variables)
        assert ended.code == 1 and '"nats"' in ended.printed
        plain = run(name, "--check-health", **{**made.variables, f"{PROGRAMS[name]}_OPS_SERVER_CERT": ""})
        assert plain.code == 1 and '"nats"' not in plain.printed
    finally:
        assert made.stop() == 0


@pytest.mark.parametrize("name", PROGRAMS)
def test_an_end_while_nobody_can_be_reached_is_an_orderly_one(program, tmp_path, name):
    variables = {**NEEDED.get(name, {}), **_nowhere(), **_on_loopback(name)}
    made = [SeparateProgram(name, tmp_path, variables, label=f"{name}-{number}").launch() for number in range(6)]
    try:
        for each in made:
            _await_alive(each)
        assert [each.stop() for each in made] == [0] * len(made)
    finally:
        for each in made:
            each.process.kill()
    assert [each.log() for each in made if "already shut down" in each.log()] == []
