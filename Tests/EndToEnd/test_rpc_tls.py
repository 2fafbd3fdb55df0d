"""gRPC over TLS: a foreign client asks `users` and `things`, and these and the adapters ask each other."""

import os
import pathlib
import shutil
import ssl
import subprocess
import time
import warnings

import pytest
import requests

from support.api import Account, publish_http
from support.listeners import PahoClient, topic
from support.pki import PKI, Pair
from support.programs import SeparatePrograms, SeparateProgram, View
from support.raw_http import RawHTTP
from support.raw_mqtt import RawMQTT
from support import raw_mqtt as mqtt
from support.raw_ws import handshake
from support.rpc import RPC
from support.tls import TLS12, TLS13
from tables.rpc import IDENTIFY, USERS

# Whom to ask, and a question that is refused, which is an answer too.
REFUSALS = {
    "users-grpc": (USERS, {"value": "nobody's token"}, "UNAUTHENTICATED"),
    "things-grpc": (IDENTIFY, {"value": "nobody's key"}, "PERMISSION_DENIED"),
}
CLIENTS = {
    "things": "MF_THINGS",
    "http-adapter": "MF_HTTP_ADAPTER",
    "ws-adapter": "MF_WS_ADAPTER",
    "mqtt-adapter": "MF_MQTT_ADAPTER",
}


@pytest.fixture(scope="module")
def stranger(pki, tmp_path_factory) -> pathlib.Path:
    """The certificate of a CA that has signed nothing here, though it bears the name of ours."""
    return PKI(tmp_path_factory.mktemp("stranger")).ca


@pytest.fixture(scope="module")
def running(program, pki, stranger, tmp_path_factory):
    """gRPC is on TLS wherever it is spoken; the second copies of the adapters trust somebody else."""
    trust = {f"{prefix}_CA_CERTS": str(pki.ca) for prefix in CLIENTS.values()}
    pairs = pki.variables("MF_USERS", "MF_THINGS")
    made = SeparatePrograms(tmp_path_factory.mktemp("rpc-tls"), copies=2, ca=pki.ca, **pairs, **trust)
    for name, copies in made.adapters.items():
        copies[1].variables[f"{CLIENTS[name]}_CA_CERTS"] = str(stranger)
    mistaken = {copies[1] for copies in made.adapters.values()}
    for engine in (made.postgres, made.nats):
        engine.start()
    try:
        for each in made.programs:
            each.launch()
        for each in made.programs:
            if each not in mistaken:
                each.await_ready()
        for each in mistaken:
            _await(lambda each=each: each.down() == ["things"])
        yield made
        made.check()
        assert set(made.stop().values()) == {0}
    finally:
        made.end()


@pytest.fixture(scope="module")
def account(running) -> Account:
    return Account(running.view())


def _await(holds, within: float = 20) -> None:
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)  # Polling is the only way to learn of it.


def _port(running, listener: str) -> int:
    return (running.users if listener == "users-grpc" else running.things).ports[listener]


@pytest.mark.parametrize("listener", REFUSALS)
class TestServers:
    def test_one_that_trusts_the_ca_is_answered(self, running, pki, listener):
        method, asks, code = REFUSALS[listener]
        with RPC(_port(running, listener), pki.ca.read_bytes()) as client:
            assert client.outcome(method, asks)[0] == code

    def test_one_that_asks_by_address_is_answered_too(self, running, pki, listener):
        method, asks, code = REFUSALS[listener]
        with RPC(_port(running, listener), pki.ca.read_bytes(), name="127.0.0.1") as client:
            assert client.outcome(method, asks)[0] == code

    def test_one_that_trusts_another_ca_finds_nobody(self, running, stranger, listener):
        method, asks, _ = REFUSALS[listener]
        with RPC(_port(running, listener), stranger.read_bytes()) as client:
            code, said = client.outcome(method, asks)
            assert code == "UNAVAILABLE" and "CERTIFICATE_VERIFY_FAILED" in said

    def test_one_that_wants_another_name_finds_nobody(self, running, pki, listener):
        method, asks, _ = REFUSALS[listener]
        with RPC(_port(running, listener), pki.ca.read_bytes(), name="other.example") as client:
            code, said = client.outcome(method, asks)
            assert code == "UNAVAILABLE" and "Hostname" in said

    def test_one_that_speaks_plain_finds_nobody(self, running, listener):
        method, asks, _ = REFUSALS[listener]
        with RPC(_port(running, listener)) as client:
            assert client.outcome(method, asks)[0] == "UNAVAILABLE"

    @pytest.mark.parametrize("version", [TLS12, TLS13])
    def test_it_speaks_the_versions_of_today(self, running, pki, listener, version):
        assert _speaks(running, listener, pki, version)

    def test_it_speaks_no_older_version(self, running, pki, listener):
        assert not _speaks(running, listener, pki, ssl.TLSVersion.TLSv1_1)


def _speaks(running, listener: str, pki, version: ssl.TLSVersion) -> bool:
    program = running.users if listener == "users-grpc" else running.things
    context = ssl.create_default_context(cafile=str(pki.ca))
    context.set_alpn_protocols(["h2"])
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # That the older ones are old.
        context.minimum_version = context.maximum_version = version
    try:
        with context.wrap_socket(program.connect(listener), server_hostname="localhost") as connection:
            return connection.selected_alpn_protocol() == "h2"
    except (ssl.SSLError, ConnectionError):
        return False


class TestBetweenServices:
    def test_all_works_when_each_trusts_the_ca(self, running, account):
        view = running.view()
        channel, sender, receiver = account.pair()
        subscriber = PahoClient(view, receiver, topic(channel, "#"))
        try:
            assert publish_http(view, channel, sender.key, b"over TLS") == 202
            assert subscriber.next() == b"over TLS"
            assert publish_http(view, channel, "nobody's-key", b"no") == 403
        finally:
            subscriber.close()

    def test_an_adapter_that_trusts_another_ca_lets_nobody_in_and_refuses_nobody(self, running, account):
        """It can't ask: 503, CONNACK 3 and 0x88, which all say: try again."""
        mistaken = running.view(1, 1, 1)
        channel, thing, _ = account.pair()
        for key in (thing.key, "nobody's-key"):
            assert publish_http(mistaken, channel, key, b"lost") == 503
            with RawHTTP(mistaken.connect("ws")) as http:
                http.send(handshake(f"/channels/{channel}/messages", f"Authorization: {key}"))
                answer = http.answer()
                assert answer.status == 503 and "retry-after" in answer.headers
        for version, code in ((4, 3), (5, 0x88)):
            with RawMQTT(mistaken.connect("mqtt"), version) as client:
                packet = client.send(mqtt.connect("mistaken", thing.id, thing.key, version)).packet()
                assert packet.body[1] == code

    @pytest.mark.parametrize("name", ["http-adapter", "ws-adapter", "mqtt-adapter"])
    def test_it_says_what_it_lacks_and_why(self, running, name):
        mistaken = running.adapters[name][1]
        answer = requests.get(mistaken.url("ops", "/health/ready"), timeout=5)
        assert answer.status_code == 503 and answer.json()["down"] == ["things"]
        assert f"localhost:{running.things.ports['things-grpc']}" in answer.json()["reasons"]["things"]
        assert requests.get(running.adapters[name][0].url("ops", "/health/ready"), timeout=5).status_code == 200


# How `things` is told to reach `users`, which is on TLS: "?" stands for the CA that has signed nothing.
MISTAKES = {
    "another CA": {"MF_THINGS_CA_CERTS": "?"},
    "plain": {"MF_THINGS_CA_CERTS": ""},
    "the CAs of the system": {"MF_THINGS_CA_CERTS": "", "MF_THINGS_CLIENT_TLS": "true"},
}


class TestThingsAsksUsers:
    """`things` beside the running one, on the same database, so that only its way to `users` differs."""

    @pytest.fixture
    def beside(self, running, tmp_path, pki):
        started = []

        def start(**variables: str) -> View:
            given = {**running.things.variables, **variables}
            for variable in [each for each in given if each.endswith("_PORT") and "_DB_" not in each]:
                del given[variable]
            started.append(SeparateProgram("things", tmp_path, given, ca=pki.ca).launch())
            return View([running.users, started[-1]], [started[-1]])

        yield start
        for each in started:
            each.check()
            assert each.stop() == 0

    @pytest.mark.parametrize("mistake", MISTAKES)
    def test_a_way_that_does_not_lead_there_is_no_refusal(self, running, account, stranger, beside, mistake):
        variables = {name: str(stranger) if value == "?" else value for name, value in MISTAKES[mistake].items()}
        view = beside(**variables)
        things = view.program("things")
        _await(lambda: things.down() == ["users"])
        for token in (account.token, "nobody's token"):
            answer = requests.get(
                view.url("things", "/things"), headers={"Authorization": token}, timeout=5, verify=view.verify
            )
            assert answer.status_code == 503 and "Retry-After" in answer.headers
        # What needs no `users` is answered as ever.
        asked = {"token": account.thing().key}
        answer = requests.post(view.url("auth", "/identify"), json=asked, timeout=5, verify=view.verify)
        assert answer.status_code == 200

    def test_a_file_of_several_authorities_is_read_to_its_end(self, running, account, pki, stranger, tmp_path, beside):
        bundle = tmp_path / "authorities.pem"
        bundle.write_bytes(stranger.read_bytes() + pki.ca.read_bytes())
        view = beside(MF_THINGS_CA_CERTS=str(bundle))
        view.program("things").await_ready()
        answer = requests.get(
            view.url("things", "/things"), headers={"Authorization": account.token}, timeout=5, verify=view.verify
        )
        assert answer.status_code == 200


@pytest.fixture(scope="module", params=["CERT", "KEY"])
def half(request, program, pki, tmp_path_factory):
    name = f"_SERVER_{request.param}"
    variables = pki.variables("MF_USERS", "MF_THINGS")
    given = {each: value for each, value in variables.items() if each.endswith(name)}
    made = SeparatePrograms(tmp_path_factory.mktemp("half"), copies=0, **given).start()
    yield made
    made.check()
    assert set(made.stop().values()) == {0}


class TestHalfAPair:
    """A service with only one half of its pair stays plain, and says so."""

    @pytest.mark.parametrize("listener", REFUSALS)
    def test_a_plain_client_is_answered_and_one_on_tls_is_not(self, half, pki, listener):
        method, asks, code = REFUSALS[listener]
        with RPC(_port(half, listener)) as client:
            assert client.outcome(method, asks)[0] == code
        with RPC(_port(half, listener), pki.ca.read_bytes()) as client:
            assert client.outcome(method, asks)[0] == "UNAVAILABLE"

    def test_the_log_warns_of_it(self, half):
        for each, prefix in ((half.users, "MF_USERS"), (half.things, "MF_THINGS")):
            warned = [line for line in each.log().splitlines() if "warning" in line and f"{prefix}_SERVER_" in line]
            assert len(warned) == 1 and "stays plain" in warned[0]

    def test_the_services_work_together(self, half):
        account = Account(View([half.users, half.things], half.programs))
        account.connect(account.channel(), account.thing())


def test_a_certificate_for_another_name_is_not_taken(program, pki, tmp_path):
    """As when an operator mixes two up: signed by the right CA, for another host."""
    pair = _certificate_for("other.example", pki, tmp_path)
    mistaken = {
        f"{prefix}_SERVER_{half}": str(path)
        for prefix in ("MF_USERS", "MF_THINGS")
        for half, path in (("CERT", pair.certificate), ("KEY", pair.key))
    }
    trust = {f"{prefix}_CA_CERTS": str(pki.ca) for prefix in CLIENTS.values()}
    made = SeparatePrograms(tmp_path, copies=1, **mistaken, **trust)
    adapter = made.adapters["http-adapter"][0]
    adapter.verify = made.things.verify = False
    try:
        for each in (made.postgres, made.nats):
            each.start()
        for each in (made.users, made.things, adapter):
            each.launch()
        _await(lambda: adapter.down() == ["things"] and made.things.down() == ["users"])
        for listener, (method, asks, code) in REFUSALS.items():
            with RPC(_port(made, listener), pki.ca.read_bytes(), name="other.example") as client:
                assert client.outcome(method, asks)[0] == code
        assert publish_http(adapter, "9d5a3f39-f6a9-4930-bb6a-2d1d907ac7ee", "some-key-or-other", b"lost") == 503
    finally:
        made.end()


def _certificate_for(name: str, pki: PKI, directory: pathlib.Path) -> Pair:
    """As an operator makes it."""
    shutil.copytree(pki.directory, directory / "ssl")
    command = ["make", "-s", "-C", directory / "ssl", "server_cert"]
    environment = {"PATH": os.environ["PATH"], "CN": name, "SAN": f"DNS:{name}", "FORCE": "1"}
    subprocess.run(command, env=environment, check=True, capture_output=True)
    return Pair(*(directory / f"ssl/certs/mainflux-server.{kind}" for kind in ("crt", "key")))
