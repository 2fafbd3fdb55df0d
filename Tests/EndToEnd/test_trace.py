"""W3C trace context: what one request touches in five programs is found in their logs by its trace id."""

import contextlib
import json
import time
import uuid

import pytest
import requests

from support.api import Account
from support.listeners import PahoClient, topic
from support.programs import SeparatePrograms


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    made = SeparatePrograms(tmp_path_factory.mktemp("trace"), copies=1, MF_LOG_FORMAT="json", MF_LOG_LEVEL="debug")
    made.start()
    yield made
    made.stop()


class Trace:
    def __init__(self):
        self.id = uuid.uuid4().hex
        self.headers = {"traceparent": f"00-{self.id}-{uuid.uuid4().hex[:16]}-01"}

    def messages(self, program) -> set[str]:
        """What the program's log says under this trace."""
        lines = (json.loads(line) for line in program.log().splitlines() if line.startswith("{"))
        return {line["message"] for line in lines if line.get("trace_id") == self.id}

    def found(self, program, message: str) -> bool:
        """Logs are written behind the answer."""
        deadline = time.monotonic() + 5
        while message not in self.messages(program):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)  # A log can only be looked at again.
        return True


def program(running, kind: str):
    return next(each for each in running.programs if each.kind == kind)


@pytest.fixture
def account(running):
    return Account(running.view())


def test_a_request_and_the_call_behind_it_bear_its_trace(running, account):
    trace = Trace()
    headers = {"Authorization": account.token, **trace.headers}
    assert requests.get(running.view().url("things", "/things"), headers=headers, timeout=10).status_code == 200

    assert trace.found(program(running, "things"), "request")
    assert trace.found(program(running, "users"), "rpc")


def test_what_takes_a_right_and_what_ends_by_it_bear_one_trace(running, account):
    channel, thing, _ = account.pair()
    trace = Trace()
    headers = {"Authorization": account.token, **trace.headers}
    answer = requests.delete(running.view().url("things", f"/things/{thing.id}"), headers=headers, timeout=10)
    assert answer.status_code == 204

    for kind in ("http-adapter", "ws-adapter", "mqtt-adapter"):
        assert trace.found(program(running, kind), "right taken"), kind


def test_a_message_bears_its_trace_to_other_programs(running, account):
    view = running.view()
    channel, sender, receiver = account.pair()
    trace = Trace()
    with contextlib.closing(PahoClient(view, receiver, topic(channel, "#"))) as listener:
        headers = {"Authorization": sender.key, **trace.headers}
        url = view.url("http", f"/channels/{channel}/messages")
        assert requests.post(url, headers=headers, data=b"traced", timeout=10).status_code == 202
        assert listener.next() == b"traced"

    assert trace.found(program(running, "mqtt-adapter"), "message received")


@pytest.mark.parametrize("value", ["", "00-0-0-00", "00-" + "0" * 32 + "-" + "1" * 16 + "-01", "é", "x" * 4000])
def test_what_is_no_trace_harms_nobody(running, account, value):
    headers = {"Authorization": account.token, "traceparent": value.encode()}
    assert requests.get(running.view().url("things", "/things"), headers=headers, timeout=10).status_code == 200
