"""How an adapter asks: a foreign `things` answers it, at one address or at several, well or badly or not at all."""

import time
import uuid

import grpc
import pytest

from support.api import publish_http
from support.engines import NATS
from support.fake_things import BY_ID, IDENTIFY, KNOWN, FakeThings, fails, grants, never, says
from support.names import WithNames, can_be_isolated
from support.programs import SeparateProgram, free_ports
from support.rpc import message

CHANNEL = "9d5a3f39-f6a9-4930-bb6a-2d1d907ac7ee"
TIMEOUT = 0.5

Code = grpc.StatusCode
REFUSALS = (Code.PERMISSION_DENIED, Code.UNAUTHENTICATED, Code.NOT_FOUND, Code.INVALID_ARGUMENT)
OUTAGES = (
    *(Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED, Code.INTERNAL, Code.UNKNOWN, Code.RESOURCE_EXHAUSTED),
    *(Code.CANCELLED, Code.ABORTED, Code.DATA_LOSS, Code.UNIMPLEMENTED),
)


def _thing(**fields: str) -> bytes:
    return message("ThingID")(**fields).SerializeToString()


# What no `things` of ours would ever answer, and to what.
NONSENSE = {
    "no protobuf": (IDENTIFY, b"\x0a\x7fshort"),
    "an id that is no UUID": (IDENTIFY, _thing(value="nonsense", tenant=str(uuid.uuid4()))),
    "no id": (IDENTIFY, _thing(tenant=str(uuid.uuid4()))),
    "no tenant": (IDENTIFY, _thing(value=str(uuid.uuid4()))),
    "nothing": (IDENTIFY, b""),
    "no protobuf, for a right": (BY_ID, b"\x0a\x7fshort"),
}


@pytest.fixture(scope="module")
def nats():
    running = NATS().start()
    yield running
    running.stop()


def _variables(nats, things: str) -> dict[str, str]:
    return {
        "MF_HTTP_ADAPTER_HOST": "127.0.0.1",
        "MF_HTTP_ADAPTER_THINGS_TIMEOUT": f"{int(TIMEOUT * 1_000)}ms",
        "MF_NATS_URL": nats.url,
        "MF_THINGS_URL": things,
    }


@pytest.fixture(scope="module")
def things():
    running = FakeThings(free_ports(1)[0]).start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def adapter(program, nats, things, tmp_path_factory):
    variables = _variables(nats, f"localhost:{things.port}")
    running = SeparateProgram("http-adapter", tmp_path_factory.mktemp("rpc-client"), variables).start()
    yield running
    running.check()
    assert running.stop() == 0


@pytest.fixture
def answering(things):
    """Has `things` answer otherwise until the test ends."""

    def answer(how) -> None:
        things.answer = how

    yield answer
    things.answer = grants


def _publish(adapter) -> int:
    """By a thing that hasn't been heard of: it is asked about each time."""
    return publish_http(adapter, CHANNEL, f"{KNOWN}{uuid.uuid4()}", b"message")


def _await(holds, within: float = 20) -> None:
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)  # Polling is the only way to learn of it.


class TestAnswers:
    def test_who_is_granted_everything_publishes(self, adapter):
        assert _publish(adapter) == 202

    @pytest.mark.parametrize("method", [IDENTIFY, BY_ID])
    @pytest.mark.parametrize("code", REFUSALS, ids=lambda code: code.name)
    def test_a_refusal_is_a_refusal(self, adapter, answering, method, code):
        answering(fails(method, code))
        assert _publish(adapter) == 403

    @pytest.mark.parametrize("method", [IDENTIFY, BY_ID])
    @pytest.mark.parametrize("code", OUTAGES, ids=lambda code: code.name)
    def test_an_outage_is_none(self, adapter, answering, method, code):
        answering(fails(method, code))
        assert _publish(adapter) == 503

    @pytest.mark.parametrize("kind", NONSENSE)
    def test_nonsense_lets_nobody_in_and_refuses_nobody(self, adapter, answering, kind):
        answering(says(*NONSENSE[kind]))
        assert _publish(adapter) == 503

    def test_no_answer_is_waited_for_no_longer_than_was_said(self, adapter, answering):
        answering(never)
        started = time.monotonic()
        assert _publish(adapter) == 503
        assert TIMEOUT * 0.9 < time.monotonic() - started < TIMEOUT + 1

    def test_each_question_has_a_deadline(self, adapter, things):
        before = len(things.questions())
        assert _publish(adapter) == 202
        asked = things.questions()[before:]
        assert {each.method for each in asked} == {IDENTIFY, BY_ID}
        assert all(each.seconds is not None and 0 < each.seconds <= TIMEOUT for each in asked)
        probes = [each for each in things.calls if each.is_probe]
        assert probes and all(each.seconds is not None and each.seconds <= TIMEOUT for each in probes)

    def test_one_that_answers_nothing_is_told_of(self, adapter, answering):
        answering(never)
        _await(lambda: adapter.down() == ["things"])
        answering(grants)
        adapter.await_ready(within=10)


class TestRestart:
    @pytest.fixture
    def restarted(self):
        made = FakeThings(free_ports(1)[0]).start()
        yield made
        made.stop()

    @pytest.mark.parametrize("seconds", [0, 1])
    def test_one_that_was_ended_in_an_orderly_way_is_found_again(self, nats, restarted, tmp_path, seconds):
        adapter = SeparateProgram("http-adapter", tmp_path, _variables(nats, f"localhost:{restarted.port}")).start()
        try:
            restarted.stop()
            assert _publish(adapter) == 503
            time.sleep(seconds)  # It makes a difference whether there was somebody in the meantime.
            restarted.start()
            _await(lambda: _publish(adapter) == 202, within=8)
            adapter.await_ready(within=2)
        finally:
            assert adapter.stop() == 0


@pytest.mark.skipif(not can_be_isolated(), reason="no mount namespace may be made here")
class TestSeveralAddresses:
    """The name `things.test`, which only the adapter knows, and one `things` at each of its addresses."""

    @pytest.fixture
    def copies(self):
        port = free_ports(1)[0]
        made = [FakeThings(port, f"127.0.0.{number}").start() for number in (1, 2, 3)]
        yield made
        for each in made:
            each.stop()

    @pytest.fixture
    def adapter(self, program, nats, copies, tmp_path, request):
        names = {"things.test": [each.host for each in copies[:2]]} if not hasattr(request, "param") else request.param
        variables = _variables(nats, f"things.test:{copies[0].port}")
        running = WithNames("http-adapter", tmp_path, variables, names).launch()
        yield running
        running.check()
        assert running.stop() == 0

    @staticmethod
    def asked(adapter, copies, count: int = 40) -> list[int]:
        """How many questions each copy is asked while so many messages are published, all of which must go through."""
        before = [len(each.questions()) for each in copies]
        assert [_publish(adapter) for _ in range(count)] == [202] * count
        return [len(each.questions()) - seen for each, seen in zip(copies, before)]

    def test_all_copies_are_asked_in_turn(self, adapter, copies):
        adapter.await_ready()
        _await(lambda: all(each.calls for each in copies[:2]))

        first, second, third = self.asked(adapter, copies)

        assert first + second == 80 and third == 0
        assert abs(first - second) <= 20, (first, second)

    def test_a_copy_that_ends_costs_next_to_nobody_an_answer(self, adapter, copies):
        adapter.await_ready()
        _await(lambda: all(each.calls for each in copies[:2]))
        copies[0].stop()
        refused = [code for code in (_publish(adapter) for _ in range(40)) if code != 202]
        assert set(refused) <= {503} and len(refused) <= 2
        assert self.asked(adapter, copies)[:2] == [0, 80]

    def test_a_copy_that_was_ended_in_an_orderly_way_is_asked_again_when_it_is_back(self, adapter, copies):
        adapter.await_ready()
        _await(lambda: all(each.calls for each in copies[:2]))
        copies[0].stop()
        assert self.asked(adapter, copies)[0] == 0
        copies[0].start()
        _await(lambda: self.asked(adapter, copies, count=4)[0] > 0, within=8)

    def test_an_address_that_comes_later_is_found(self, adapter, copies):
        adapter.await_ready()
        adapter.set({"things.test": [each.host for each in copies]})
        _await(lambda: self.asked(adapter, copies, count=6)[2] > 0)

    def test_an_address_that_goes_is_asked_no_more(self, adapter, copies):
        adapter.await_ready()
        _await(lambda: all(each.calls for each in copies[:2]))
        adapter.set({"things.test": [copies[1].host]})
        _await(lambda: self.asked(adapter, copies, count=6)[0] == 0)
        assert self.asked(adapter, copies)[:2] == [0, 80]

    @pytest.mark.parametrize("adapter", [{}], indirect=True)
    def test_a_name_that_is_not_known_yet_is_found_when_it_is(self, adapter, copies):
        _await(lambda: adapter.down() == ["things"])
        assert _publish(adapter) == 503
        adapter.set({"things.test": ["127.0.0.1"]})
        adapter.await_ready(within=10)
        assert _publish(adapter) == 202

    def test_a_name_that_is_not_known_keeps_nobody_from_ending(self, program, nats, tmp_path):
        variables = _variables(nats, "things.test:8183") | {"MF_SHUTDOWN_GRACE": "5s"}
        adapter = WithNames("http-adapter", tmp_path, variables, names={}).launch()
        _await(lambda: adapter.down() == ["things"])
        started = time.monotonic()
        assert adapter.stop() == 0
        assert time.monotonic() - started < 3
