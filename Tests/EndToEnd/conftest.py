"""One shared server a session; accounts, channels and things are made by the tests that need them.

A module whose `PLATFORMS` names several runs on each of them.
"""

import pathlib

import pytest

from support.api import Account
from support.canary import Canary
from support.engines import NATS
from support.pki import PKI
from support.programs import ONE_PROGRAM, SeparatePrograms, View
from support.server import BINARY, Server
from support.statements import COPIES, DENIED, KEYED, Place, places


@pytest.fixture(scope="session", autouse=True)
def program() -> pathlib.Path:
    assert BINARY.exists(), f"{BINARY} is missing: build it with `swift build -c release`, or set FLUXGATE_BINARY"
    return BINARY


def pytest_generate_tests(metafunc):
    platforms = getattr(metafunc.module, "PLATFORMS", None)
    if platforms and "server" in metafunc.fixturenames:
        metafunc.parametrize("server", platforms, indirect=True, scope="session")
    if "place" in metafunc.fixturenames:
        metafunc.parametrize("place", places(metafunc.function), indirect=True)


@pytest.fixture(scope="session")
def server(request):
    """Where clients connect, unless a test starts what it needs itself."""
    if getattr(request, "param", ONE_PROGRAM) == ONE_PROGRAM:
        return request.getfixturevalue("embedded")
    return request.getfixturevalue("separate").view(0, 1, 1)


@pytest.fixture(scope="session")
def embedded(program, tmp_path_factory):
    """`fluxgate serve`. Limits are off here, since every client comes from one address."""
    running = Server(tmp_path_factory.mktemp("fluxgate")).start()
    yield running
    running.check()
    assert running.stop() == 0, running.log()[-4000:]


@pytest.fixture(scope="session")
def pki(tmp_path_factory) -> PKI:
    return PKI(tmp_path_factory.mktemp("pki"))


@pytest.fixture(scope="session")
def mutual(program, pki, tmp_path_factory):
    """A server that knows things by their certificates. No name in one of these may ever be in its log."""
    adapters = pki.variables("MF_HTTP_ADAPTER", "MF_WS_ADAPTER", "MF_MQTT_ADAPTER", clients=True)
    running = Server(tmp_path_factory.mktemp("mutual"), ca=pki.ca, **adapters).start()
    yield running
    running.check()
    assert running.stop() == 0, running.log()[-4000:]
    assert [name for name in pki.names if name in running.log()] == []


@pytest.fixture(scope="session")
def separate(program, tmp_path_factory):
    """The five separate programs, two copies of each adapter. Tests that break something have their own."""
    with SeparatePrograms(tmp_path_factory.mktemp("separate")).running() as running:
        yield running


@pytest.fixture(scope="session")
def open_topics(program, tmp_path_factory):
    """`fluxgate serve` that lets anybody use any topic."""
    variables = {"MF_MQTT_ADAPTER_OPEN_TOPICS": "true", "MF_MQTT_ADAPTER_OPEN_TOPICS_DENY": DENIED}
    running = Server(tmp_path_factory.mktemp("open"), **variables).start()
    yield running
    running.check()
    assert running.stop() == 0, running.log()[-4000:]


@pytest.fixture(scope="session")
def pair_of_one(embedded):
    return [embedded], Account(embedded).pair()


@pytest.fixture(scope="session")
def separate_on_disk(program, tmp_path_factory):
    """The same with a stream, so that sessions outlive their connections."""
    programs = SeparatePrograms(
        tmp_path_factory.mktemp("separate"), nats=NATS(jetstream=True), MF_MESSAGE_DURABILITY="disk"
    )
    with programs.running() as running:
        yield running


@pytest.fixture(scope="session")
def pair_of_copies(separate_on_disk):
    return [separate_on_disk.view(0, 0, 0), separate_on_disk.view(1, 1, 1)], Account(separate_on_disk.view()).pair()


@pytest.fixture
def place(request):
    """Where a statement of the MQTT standards is shown."""
    pairs = {KEYED: "pair_of_one", COPIES: "pair_of_copies"}
    if request.param in pairs:
        made = Place(request.param, *request.getfixturevalue(pairs[request.param]))
    else:
        made = Place(request.param, [request.getfixturevalue("open_topics")])
    yield made
    made.close()


@pytest.fixture
def one(separate) -> View:
    """The separate programs, by the first copy of each adapter."""
    return separate.view()


@pytest.fixture
def other(separate) -> View:
    """The same by the second copies."""
    return separate.view(1, 1, 1)


@pytest.fixture
def start_server(program, tmp_path_factory):
    """Starts servers of the test's own; all are stopped, and must have lived, at its end."""
    started = []

    def start(**options) -> Server:
        started.append(Server(tmp_path_factory.mktemp("own"), **options).start())
        return started[-1]

    yield start
    for each in started:
        each.check()
        each.stop()


@pytest.fixture(scope="session")
def alice(server) -> Account:
    return Account(server)


@pytest.fixture(scope="session")
def mallory(server) -> Account:
    """Another tenant."""
    return Account(server)


@pytest.fixture(scope="session")
def canary(server) -> Canary:
    """A tenant's live connections that must not notice what others do to the server."""
    made = Canary(server)
    yield made
    made.close()


@pytest.fixture
def unharmed(server, canary):
    """After the test the server is alive and nobody else has lost a connection or a message."""
    yield
    server.check()
    canary.sing()


@pytest.fixture
def closing():
    """Closes what the test registers, last first."""
    registered = []

    def register(each):
        registered.append(each)
        return each

    yield register
    for each in reversed(registered):
        each.close()
