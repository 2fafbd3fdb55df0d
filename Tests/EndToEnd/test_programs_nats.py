"""How the separate programs reach NATS: who they say they are, and whom they trust."""

import time

import pytest
import requests

from support.engines import NATS
from support.pki import PKI
from support.programs import SeparateProgram, free_ports
from tables.variables import NEEDED

MARK = "no-secret-may-be-shown"


@pytest.fixture
def nats():
    """Starts servers with options; each is ended with the test."""
    started = []

    def start(*options: str) -> NATS:
        started.append(NATS(options=options).start())
        return started[-1]

    yield start
    for each in started:
        each.stop()


@pytest.fixture
def users(program, tmp_path):
    """Starts `users` without its database: here its bus is all that counts."""
    started = []

    def start(**variables: str) -> SeparateProgram:
        nowhere = {"MF_USERS_HTTP_HOST": "127.0.0.1", "MF_USERS_DB_PORT": str(free_ports(1)[0])}
        started.append(SeparateProgram("users", tmp_path, {**NEEDED["users"], **nowhere, **variables}).launch())
        return started[-1]

    yield start
    for each in started:
        each.check()
        assert each.stop() == 0
        assert MARK not in each.log()


def _await_connected(program: SeparateProgram) -> None:
    deadline = time.monotonic() + 10
    while (down := program.down()) is None or "nats" in down:
        assert time.monotonic() < deadline, program.log()
        time.sleep(0.02)  # Polling is the only way to learn of it.


def _await_refused(program: SeparateProgram) -> str:
    """The reason, once it has tried."""
    deadline = time.monotonic() + 5
    while "no connection to NATS" not in program.log() or program.down() is None:
        assert time.monotonic() < deadline, program.log()
        time.sleep(0.02)  # Polling is the only way to learn of it.
    answer = requests.get(program.url("ops", "/health/ready"), timeout=5)
    assert answer.status_code == 503 and "nats" in answer.json()["down"]
    assert MARK not in answer.text
    return answer.json()["reasons"]["nats"]


class TestWhoWeAre:
    @pytest.mark.parametrize(
        "variables",
        [
            {"MF_NATS_USER": "fluxgate", "MF_NATS_PASS": MARK},
            {"MF_NATS_URL": f"nats://fluxgate:{MARK}@"},
        ],
        ids=["variables", "address"],
    )
    def test_a_user_with_a_password_is_let_in(self, nats, users, variables):
        server = nats("--user", "fluxgate", "--pass", MARK)
        url = variables.get("MF_NATS_URL", "nats://") + f"127.0.0.1:{server.port}"
        _await_connected(users(**{**variables, "MF_NATS_URL": url}))

    def test_one_with_another_password_is_not(self, nats, users):
        server = nats("--user", "fluxgate", "--pass", "something else")
        _await_refused(users(MF_NATS_URL=server.url, MF_NATS_USER="fluxgate", MF_NATS_PASS=MARK))

    def test_a_token_is_let_in(self, nats, users):
        _await_connected(users(MF_NATS_URL=nats("--auth", MARK).url, MF_NATS_TOKEN=MARK))

    def test_one_without_a_token_is_not(self, nats, users):
        _await_refused(users(MF_NATS_URL=nats("--auth", MARK).url))

    def test_of_several_servers_one_is_enough(self, nats, users):
        server = nats("--auth", MARK)
        nobody = f"nats://127.0.0.1:{free_ports(1)[0]}"
        _await_connected(users(MF_NATS_URL=f"{nobody},nats://{MARK}@127.0.0.1:{server.port}"))


class TestWhomWeTrust:
    @pytest.fixture
    def secured(self, nats, pki) -> NATS:
        return nats("--tls", "--tlscert", str(pki.server.certificate), "--tlskey", str(pki.server.key))

    @pytest.mark.parametrize("scheme", ["tls", "nats"])
    @pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
    def test_one_signed_by_our_ca_is_trusted(self, secured, users, pki, scheme, host):
        _await_connected(users(MF_NATS_URL=f"{scheme}://{host}:{secured.port}", MF_NATS_CA_CERTS=str(pki.ca)))

    def test_one_signed_by_another_is_not(self, secured, users, tmp_path_factory):
        another = PKI(tmp_path_factory.mktemp("another")).ca
        _await_refused(users(MF_NATS_URL=f"tls://localhost:{secured.port}", MF_NATS_CA_CERTS=str(another)))

    def test_one_signed_by_nobody_that_the_system_knows_is_not(self, secured, users):
        _await_refused(users(MF_NATS_URL=f"tls://localhost:{secured.port}"))

    def test_one_with_another_name_is_not(self, secured, users, pki):
        # "127.1" is the same address, and a name that no certificate has.
        _await_refused(users(MF_NATS_URL=f"tls://127.1:{secured.port}", MF_NATS_CA_CERTS=str(pki.ca)))

    @pytest.mark.parametrize("variables", [{"MF_NATS_CA_CERTS": "?"}, {"MF_NATS_URL": "tls://"}], ids=["CA", "scheme"])
    def test_one_that_speaks_plain_is_told_nothing(self, nats, users, pki, variables):
        server = nats("--auth", MARK)
        given = {name: str(pki.ca) if value == "?" else value for name, value in variables.items()}
        url = given.get("MF_NATS_URL", "nats://") + f"127.0.0.1:{server.port}"
        _await_refused(users(**{**given, "MF_NATS_URL": url, "MF_NATS_TOKEN": MARK}))
