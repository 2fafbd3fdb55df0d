"""The logs of the separate programs: a JSON object a line, of the levels that were asked for, and never a secret."""

import contextlib
import json
import re
import time
import uuid

import pytest
import requests

from support import raw_mqtt as mqtt
from support.api import Account, new_email, publish_http
from support.engines import NATS
from support.listeners import PahoClient, WebSocketClient, topic
from support.programs import SeparateProgram, SeparatePrograms, free_ports
from support.raw_http import RawHTTP
from support.raw_mqtt import RawMQTT
from support.raw_ws import handshake
from support.rpc import RPC
from support.server import CRASH
from tables.rpc import BY_KEY, IDENTIFY, USERS
from tables.variables import NEEDED, PROGRAMS

MARK = "no-secret-may-be-logged"
LEVELS = ("trace", "debug", "info", "notice", "warn", "error", "critical")
# What a person reads when a program has started goes to standard output; these tests read both from one file.
SUMMARY = re.compile(r"^(Fluxgate [a-z-]+ \S+ is running\.|  .*)$")


def _lines(program: SeparateProgram) -> list[dict[str, str]]:
    """Every line but those of the summary, which must be JSON objects."""
    return [json.loads(line) for line in program.log().splitlines() if not SUMMARY.match(line)]


class Tour:
    """A platform that logs all it can, and what a test has told it that must not be logged."""

    def __init__(self, directory):
        password = f"{MARK}-nats"
        self.nats = NATS(options=("--user", "fluxgate", "--pass", password))
        self.running = SeparatePrograms(
            directory,
            copies=1,
            nats=self.nats,
            MF_NATS_URL=f"nats://fluxgate:{password}@127.0.0.1:{self.nats.port}",
            MF_LOG_FORMAT="json",
            MF_LOG_LEVEL="trace",
            MF_LIMITS_OFF="false",
        )
        self.secrets = {password, self.running.postgres.password}
        for each in (self.running.users, self.running.things):
            self.secrets |= {value for name, value in each.variables.items() if name.endswith(("_SECRET", "_PASS"))}

    def kept(self, secret: str) -> str:
        """Remembers it, and gives it back."""
        self.secrets.add(secret)
        return secret

    def key(self) -> str:
        return self.kept(f"key-{uuid.uuid4().hex}")

    def take(self) -> None:
        view = self.running.view()
        account = Account(view, password=self.kept(f"password-{uuid.uuid4().hex}"))
        self.kept(account.token)
        self.people(view, account)
        self.devices(view, account)
        self.services()

    def people(self, view, account: Account) -> None:
        """Accounts and tokens, with everything that can be wrong with them."""
        users, things = view.url("users"), view.url("things")
        wrong = {"email": account.email, "password": self.kept(f"wrong-{uuid.uuid4().hex}")}
        assert requests.post(f"{users}/tokens", json=wrong, timeout=10).status_code == 403
        assert requests.post(f"{users}/users", json=wrong, timeout=10).status_code == 409
        broken = f'{{"email": "{new_email()}", "password": "{self.kept(f"broken-{uuid.uuid4().hex}")}"'
        headers = {"Content-Type": "application/json"}
        assert requests.post(f"{users}/users", data=broken, headers=headers, timeout=10).status_code == 400
        for scheme in ("", "Bearer ", "Thing ", "Basic "):
            token = scheme + self.kept(f"token-{uuid.uuid4().hex}")
            answer = requests.get(f"{things}/things", headers={"Authorization": token}, timeout=10)
            assert answer.status_code == 403
        change = {"old_password": account.password, "password": self.kept(f"next-{uuid.uuid4().hex}")}
        account.call("users", "PATCH", "/password", json=change, expect=201)
        account.password = change["password"]
        self.kept(account.log_in())

    def devices(self, view, account: Account) -> None:
        """Things and what they publish, rightly and wrongly, over all protocols."""
        channel = account.channel(name="roof")
        sender, receiver, removed = (account.thing(key=self.key()) for _ in range(3))
        account.connect(channel, sender, receiver, removed)
        taken = {"name": "again", "key": sender.key}
        account.call("things", "POST", "/things", json=taken, expect=422)
        payload = self.kept(f"payload-{uuid.uuid4().hex}").encode()
        with contextlib.ExitStack() as stack:
            subscribers = [
                stack.enter_context(contextlib.closing(each))
                for each in (
                    PahoClient(view, receiver, topic(channel, "#")),
                    WebSocketClient(view, channel, receiver.key),
                )
            ]
            assert publish_http(view, channel, sender.key, payload) == 202
            assert [each.next() for each in subscribers] == [payload] * 2
            stranger = self.key()
            assert publish_http(view, channel, stranger, payload) == 403
            for key, status in ((stranger, 403), (sender.key, 101)):
                with RawHTTP(view.connect("ws")) as http:
                    asked = f"/channels/{channel}/messages?authorization={key}"
                    assert http.send(handshake(asked)).answer(head_only=status == 101).status == status
            with RawMQTT(view.connect("mqtt"), 5) as client:
                client.send(mqtt.connect("stranger", sender.id, stranger, 5)).packet()
            with RawMQTT(view.connect("mqtt"), 5) as client:
                client.connect("sender", sender.id, sender.key)
                client.send(b"\x30\x00" + payload)  # Nothing that can be read.
            account.remove_thing(removed)
            assert publish_http(view, channel, removed.key, payload) == 403
            account.change_key(receiver, self.key())

    def services(self) -> None:
        with RPC(self.running.things.ports["things-grpc"]) as client:
            assert client.outcome(IDENTIFY, {"value": self.key()})[0] == "PERMISSION_DENIED"
            asks = {"token": self.key(), "chanID": str(uuid.uuid4())}
            assert client.outcome(BY_KEY, asks)[0] == "PERMISSION_DENIED"
            client.outcome(IDENTIFY, b"\x0a\x7f" + self.key().encode())
        with RPC(self.running.users.ports["users-grpc"]) as client:
            assert client.outcome(USERS, {"value": self.kept(f"token-{uuid.uuid4().hex}")})[0] == "UNAUTHENTICATED"

    def outages(self) -> None:
        """What is logged of them may hold addresses, and so whatever is beside these."""
        view = self.running.view()
        for engine, name in ((self.running.nats, "nats"), (self.running.postgres, "postgres")):
            engine.kill()
            login = {"email": new_email(), "password": self.kept(f"password-{uuid.uuid4().hex}")}
            requests.post(view.url("users", "/tokens"), json=login, timeout=20)
            publish_http(view, str(uuid.uuid4()), self.key(), b"x")
            ask = {"url": view.url("auth", "/identify"), "json": {"token": self.key()}, "timeout": 20}
            _until_down(self.running.things, name, lambda ask=ask: requests.post(**ask))
            engine.start()
            for each in self.running.programs:
                each.await_ready()


def _until_down(program: SeparateProgram, name: str, meanwhile=lambda: None) -> None:
    deadline = time.monotonic() + 15
    while name not in (program.down() or []):
        assert time.monotonic() < deadline
        meanwhile()
        time.sleep(0.02)  # Polling is the only way to learn of it.


@pytest.fixture(scope="module")
def tour(program, tmp_path_factory):
    made = Tour(tmp_path_factory.mktemp("tour"))
    made.running.start()
    try:
        made.take()
        made.outages()
        made.running.check()
        assert set(made.running.stop().values()) == {0}
    finally:
        made.running.end()
    return made


@pytest.mark.parametrize("kind", PROGRAMS)
class TestTour:
    @pytest.fixture
    def logged(self, tour, kind) -> SeparateProgram:
        return next(each for each in tour.running.programs if each.kind == kind)

    def test_every_line_is_a_json_object_with_the_usual_members(self, logged, kind):
        lines = _lines(logged)
        assert len(lines) > 5
        for each in lines:
            assert {"level", "message", "logger", "ts"} <= each.keys(), each
            assert each["level"] in LEVELS, each
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", each["ts"]), each
            assert all(isinstance(value, str) for value in each.values()), each
        assert {"debug", "warn"} <= {each["level"] for each in lines}

    def test_no_key_token_password_secret_or_payload_is_in_it(self, tour, logged, kind):
        assert len(tour.secrets) > 25
        found = {secret for secret in tour.secrets if secret in logged.log()}
        assert found == set(), [line for line in logged.log().splitlines() if any(each in line for each in found)][:5]
        assert MARK not in logged.log()

    def test_nothing_in_it_tells_of_a_crash(self, logged, kind):
        assert CRASH.search(logged.log()) is None


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("common, own, least", [("error", "debug", "debug"), ("debug", "warn", "warn")])
def test_a_program_has_a_level_of_its_own(program, tmp_path, name, common, own, least):
    nowhere = {f"MF_{each}_DB_PORT": str(free_ports(1)[0]) for each in ("USERS", "THINGS")}
    nowhere |= {f"{each}_HOST": "127.0.0.1" for each in ("MF_USERS_HTTP", "MF_THINGS_HTTP", PROGRAMS[name])}
    levels = {"MF_LOG_LEVEL": common, f"{PROGRAMS[name]}_LOG_LEVEL": own, "MF_LOG_FORMAT": "json"}
    nats = f"nats://127.0.0.1:{free_ports(1)[0]}"
    variables = {**NEEDED.get(name, {}), **nowhere, **levels, "MF_NATS_URL": nats}
    made = SeparateProgram(name, tmp_path, variables).launch()
    _until_down(made, "nats")
    made.kill()

    seen = {each["level"] for each in _lines(made)}
    assert least in seen
    assert not seen & set(LEVELS[: LEVELS.index(least)]), seen
