"""When the database can't be used, all are told to come back: 503 with Retry-After, CONNACK 3 or 0x88, never 403."""

import contextlib
import os
import resource
import struct

import pytest

from support.api import Account, publish_http
from support.cold import cold_answers
from support.exchange import judge, prepared
from support.publishers import HTTPPublisher
from support.server import Server
from support.world import World
from tables.outages import THINGS_OUTAGE, USERS_OUTAGE

CASES = [*USERS_OUTAGE, *THINGS_OUTAGE]
QUESTIONS = {"POST /tokens", "POST /identify", "POST /channels/{id}/access-by-key", "POST /channels/{id}/access-by-id"}
WRITES = [case for case in CASES if not case.operation.startswith("GET") and case.operation not in QUESTIONS]


@pytest.fixture(scope="module")
def running(program, tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("outage")).start()
    yield server
    server.check()
    server.stop()


@pytest.fixture(scope="module")
def accounts(running):
    return Account(running), Account(running)


@contextlib.contextmanager
def full_disk(server):
    """No file of the program may grow or be written to any more."""
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


@contextlib.contextmanager
def closed_database(server):
    """What SQLite sees once a later version of itself has taken the file over: an index of a format it does not know.

    The index begins with two copies of a header: its version in the first word, and a checksum over the first ten words
    in the last two (sqlite.org/walformat.html).
    """
    with open(server.data / "fluxgate.db-shm", "r+b", buffering=0) as file:
        kept = file.read(96)
        words = list(struct.unpack("=10I", kept[:40]))
        words[0] += 1
        first = second = 0
        for left, right in zip(words[::2], words[1::2]):
            first = first + left + second & 0xFFFFFFFF
            second = second + right + first & 0xFFFFFFFF
        os.pwrite(file.fileno(), struct.pack("=12I", *words, first, second) * 2, 0)
        try:
            yield
        finally:
            os.pwrite(file.fileno(), kept, 0)


def test_writes_are_refused_while_the_disk_is_full_and_nothing_else_is(running, accounts):
    worlds = [World(*accounts) for _ in WRITES]
    sends = [prepared(running, case, world) for case, world in zip(WRITES, worlds)]
    with full_disk(running):
        answers = [send() for send in sends]
        accounts[0].call("things", "GET", "/things", expect=200)

    for case, answer, world in zip(WRITES, answers, worlds):
        judge(case, answer, world)
    accounts[0].thing()


@pytest.fixture(scope="module")
def answers(running, accounts):
    """What everybody is told while the database is closed, and then once it is open again."""
    channel, known, cold = accounts[0].pair()
    warm = HTTPPublisher(running, channel, known)
    warm.publish(b"warm")
    worlds = [World(*accounts) for _ in CASES]
    sends = [prepared(running, case, world) for case, world in zip(CASES, worlds)]
    with closed_database(running):
        told = {case.operation: (send(), world) for case, send, world in zip(CASES, sends, worlds)}
        adapters = cold_answers(running, channel, cold)
        warm.publish(b"still warm")
    accounts[0].thing()
    return told, adapters, publish_http(running, channel, cold.key, b"after")


@pytest.mark.parametrize("case", CASES, ids=str)
def test_everything_is_refused_while_the_database_is_out_of_reach(answers, case):
    told, _, _ = answers
    judge(case, *told[case.operation])


def test_adapters_refuse_whom_they_do_not_know_and_serve_whom_they_do(answers):
    _, adapters, after = answers
    assert adapters == [503, 503, 3, 0x88]
    assert after == 202


def test_a_server_that_was_ended_goes_on_with_what_it_had(start_server):
    server = start_server()
    account = Account(server)
    channel, thing, _ = account.pair()
    server.process.kill()
    server.process.wait()

    server.start()

    account.call("things", "GET", f"/things/{thing.id}", expect=200)
    assert publish_http(server, channel, thing.key, b"again") == 202
