"""When the database can't be used, everybody is told to come back: 503 with Retry-After, CONNACK 3 or 0x88, never 403."""

import concurrent.futures
import contextlib
import fcntl
import os
import resource

import pytest

from support import raw_mqtt as mqtt
from support.api import Account, publish_http
from support.exchange import judge, prepared
from support.raw_http import RawHTTP
from support.raw_mqtt import RawMQTT
from support.raw_ws import handshake
from support.server import Server
from support.world import World
from tables.outages import THINGS_OUTAGE, USERS_OUTAGE

QUESTIONS = {"POST /tokens", "POST /identify", "POST /channels/{id}/access-by-key", "POST /channels/{id}/access-by-id"}
CASES = [*USERS_OUTAGE, *THINGS_OUTAGE]
READS = [case for case in CASES if case.operation.startswith("GET") or case.operation in QUESTIONS]
WRITES = [case for case in CASES if case not in READS]


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
    yield
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


@contextlib.contextmanager
def locked_database(server):
    """What SQLite's readers see while another process recovers the write-ahead log: its locks, and an index without a header.

    Bytes 120 to 122 of the index are the locks for writing, checkpoints and recovery (sqlite.org/walformat.html).
    """
    index, = server.data.glob("*-shm")
    file = os.open(index, os.O_RDWR)
    fcntl.lockf(file, fcntl.LOCK_EX, 3, 120)
    header = os.pread(file, 96, 0)
    os.pwrite(file, bytes(48), 0)
    yield
    os.pwrite(file, header, 0)
    os.close(file)


def test_writes_are_refused_while_the_disk_is_full_and_nothing_else_is(running, accounts):
    worlds = [World(*accounts) for _ in WRITES]
    sends = [prepared(running, case, world) for case, world in zip(WRITES, worlds)]
    with full_disk(running):
        answers = [send() for send in sends]
        accounts[0].call("things", "GET", "/things", expect=200)

    for case, answer, world in zip(WRITES, answers, worlds):
        judge(case, answer, world)
    accounts[0].thing()


def test_reads_are_refused_while_the_database_is_out_of_reach_and_publishers_go_on(running, accounts):
    channel, warm, cold = accounts[0].pair()
    assert publish_http(running, channel, warm.key, b"warm") == 202
    worlds = [World(*accounts) for _ in READS]
    sends = [prepared(running, case, world) for case, world in zip(READS, worlds)]
    adapters = [_publish_cold, _handshake_cold, _connect_cold(4), _connect_cold(5)]

    with locked_database(running), concurrent.futures.ThreadPoolExecutor(len(sends) + len(adapters)) as pool:
        answers = [pool.submit(send) for send in sends]
        refusals = [pool.submit(each, running, channel, cold) for each in adapters]
        assert publish_http(running, channel, warm.key, b"still warm") == 202
        answers, refusals = [each.result() for each in answers], [each.result() for each in refusals]

    for case, answer, world in zip(READS, answers, worlds):
        judge(case, answer, world)
    assert refusals == [503, 503, 3, 0x88]
    assert publish_http(running, channel, cold.key, b"after") == 202


def _publish_cold(server, channel, thing) -> int:
    return publish_http(server, channel, thing.key, b"cold")


def _handshake_cold(server, channel, thing) -> int:
    with RawHTTP(server.connect("ws", timeout=20)) as http:
        http.send(handshake(f"/channels/{channel}/messages", f"Authorization: {thing.key}"))
        answer = http.answer()
        assert "retry-after" in answer.headers
        return answer.status


def _connect_cold(version: int):
    def code(server, channel, thing) -> int:
        with RawMQTT(server.connect("mqtt", timeout=20), version) as client:
            return client.send(mqtt.connect("cold", thing.id, thing.key, version)).packet().body[1]

    return code


def test_a_server_that_was_ended_goes_on_with_what_it_had(start_server):
    server = start_server()
    account = Account(server)
    channel, thing, _ = account.pair()
    server.process.kill()
    server.process.wait()

    server.start()

    account.call("things", "GET", f"/things/{thing.id}", expect=200)
    assert publish_http(server, channel, thing.key, b"again") == 202
