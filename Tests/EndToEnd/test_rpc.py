"""The gRPC of `users` and `things`, asked by a foreign client (contract section 3)."""

import concurrent.futures
import contextlib
import gzip
import os
import pathlib
import signal
import socket
import time

import grpc
import pytest

from support.api import Account
from support.programs import SeparatePrograms, View
from support.rpc import METHODS, RPC, outcome, packed, service_of
from support.tokens import TokenWorld
from tables.rpc import BY_ID, BY_KEY, IDENTIFY, QUESTIONS, UNKNOWN, USERS


@pytest.fixture(scope="module")
def running(program, tmp_path_factory):
    """The services alone, which some of these tests rob of their database."""
    made = SeparatePrograms(tmp_path_factory.mktemp("rpc"), copies=0).start()
    yield made
    made.check()
    assert set(made.stop().values()) == {0}


@pytest.fixture(scope="module")
def accounts(running) -> tuple[Account, Account]:
    platform = View([running.users, running.things], running.programs)
    return Account(platform), Account(platform)


@pytest.fixture
def world(accounts) -> TokenWorld:
    return TokenWorld(*accounts)


@pytest.fixture(scope="module")
def clients(running):
    """A client of each service, by its listener."""
    with RPC(running.users.ports["users-grpc"]) as users, RPC(running.things.ports["things-grpc"]) as things:
        yield {"users-grpc": users, "things-grpc": things}


class TestTable:
    @pytest.mark.parametrize("question", QUESTIONS, ids=str)
    def test_the_answer_is_as_tabled(self, clients, world, question):
        client = clients[service_of(question.method)]
        asks = question.asks if isinstance(question.asks, bytes) else world.fill(question.asks)
        if question.answers is None:
            code, said = client.outcome(question.method, asks)
            assert code == question.code, said
            assert not question.message or said == question.message
        else:
            answer = client.ask(question.method, asks)
            expected = world.fill(question.answers)
            assert {name: "?" if expected[name] == "?" else answer[name] for name in expected} == expected
            assert expected or answer == {}
            assert all(answer.values())

    @pytest.mark.parametrize("method", UNKNOWN)
    @pytest.mark.parametrize("listener", ["users-grpc", "things-grpc"])
    def test_what_no_service_has_is_unimplemented(self, clients, listener, method):
        assert clients[listener].outcome(method, b"")[0] == "UNIMPLEMENTED"

    def test_a_service_does_not_answer_for_the_other(self, clients):
        assert clients["users-grpc"].outcome(IDENTIFY, {"value": "some-key"})[0] == "UNIMPLEMENTED"
        assert clients["things-grpc"].outcome(USERS, {"value": "some-token"})[0] == "UNIMPLEMENTED"

    def test_a_things_tenant_is_the_id_of_its_owners_account(self, clients, world):
        owner = clients["users-grpc"].ask(USERS, {"value": world.token})["id"]
        other = clients["users-grpc"].ask(USERS, {"value": world.foreign_token})["id"]
        assert owner != other
        things = clients["things-grpc"]
        assert things.ask(IDENTIFY, {"value": world.thing_key})["tenant"] == owner
        assert things.ask(IDENTIFY, {"value": world.foreign_key})["tenant"] == other
        asks = {"token": world.connected_key, "chanID": world.connected_channel}
        assert things.ask(BY_KEY, asks)["tenant"] == owner

    def test_a_field_that_it_does_not_know_is_skipped(self, clients, world):
        asks = packed(IDENTIFY, {"value": world.thing_key}) + b"\x7a\x03new"
        assert clients["things-grpc"].ask(IDENTIFY, asks)["value"] == world.thing

    def test_a_right_that_is_taken_is_refused_by_the_next_answer(self, clients, accounts):
        account, things = accounts[0], clients["things-grpc"]
        for take in (account.disconnect, lambda channel, _: account.remove_channel(channel)):
            channel, thing, _ = account.pair()
            by_key, by_id = {"token": thing.key, "chanID": channel}, {"thingID": thing.id, "chanID": channel}
            assert things.outcome(BY_KEY, by_key)[0] == things.outcome(BY_ID, by_id)[0] == "OK"
            take(channel, thing)
            assert things.outcome(BY_KEY, by_key)[0] == things.outcome(BY_ID, by_id)[0] == "PERMISSION_DENIED"


class TestLimits:
    @pytest.mark.parametrize("method", METHODS)
    def test_a_huge_question_is_refused_and_the_connection_lives(self, clients, method):
        client = clients[service_of(method)]
        for size in (350_000, 3_000_000):
            code, _ = client.outcome(method, b"\x0a" + _varint(size) + b"a" * size)
            assert code in ("RESOURCE_EXHAUSTED", "CANCELLED")
        assert client.outcome(method, b"")[0] in ("INVALID_ARGUMENT", "PERMISSION_DENIED")

    @pytest.mark.parametrize("method", METHODS)
    def test_one_that_is_huge_only_once_it_is_unpacked_is_refused(self, clients, method):
        client, size = clients[service_of(method)], 1 << 20
        question = b"\x0a" + _varint(size) + b"a" * size
        assert len(gzip.compress(question)) < 10_000
        code, _ = client.outcome(method, question, compression=grpc.Compression.Gzip)
        assert code in ("RESOURCE_EXHAUSTED", "UNIMPLEMENTED", "CANCELLED")

    def test_a_thousand_questions_at_a_time_are_each_answered_right(self, running, clients, world):
        for at_a_time in ([clients["things-grpc"]], list(_several(running, "things-grpc", 10))):
            kinds = [
                (IDENTIFY, {"value": world.thing_key}, "OK"),
                (IDENTIFY, {"value": "unknown-key"}, "PERMISSION_DENIED"),
                (BY_KEY, {"token": world.connected_key, "chanID": world.connected_channel}, "OK"),
                (BY_ID, {"thingID": world.thing, "chanID": world.connected_channel}, "PERMISSION_DENIED"),
                (BY_ID, {"thingID": world.connected_thing, "chanID": world.connected_channel}, "OK"),
            ]
            asked = [(at_a_time[number % len(at_a_time)], *kinds[number % len(kinds)]) for number in range(1_000)]
            begun = [(client.begin(method, asks, timeout=30), code) for client, method, asks, code in asked]
            wrong = [(outcome(each.result), code) for each, code in begun if outcome(each.result)[0] != code]
            assert wrong == []

    def test_a_thousand_tokens_at_a_time_are_each_answered_right(self, clients, world):
        tokens = [(world.token, world.email), (world.foreign_token, world.foreign.email)] * 500
        begun = [(clients["users-grpc"].begin(USERS, {"value": token}, timeout=30), email) for token, email in tokens]
        assert [each.result().value for each, _ in begun] == [email for _, email in begun]


@contextlib.contextmanager
def _paused(postgres):
    """The database takes connections and questions, and answers nothing."""
    parent = postgres.process.pid
    children = [int(each) for each in pathlib.Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]
    for pid in (parent, *children):
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in (*children, parent):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def _good(world) -> dict[str, dict[str, str]]:
    return {
        BY_KEY: {"token": world.connected_key, "chanID": world.connected_channel},
        BY_ID: {"thingID": world.connected_thing, "chanID": world.connected_channel},
        IDENTIFY: {"value": world.thing_key},
        USERS: {"value": world.token},
    }


def _eventually(ask, code: str) -> None:
    _until(lambda: ask()[0] == code)


def _until(holds, within: float = 15) -> None:
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)  # Polling is the only way to learn that it is back.


class TestOutages:
    def test_a_deadline_that_is_over_ends_the_wait_and_nothing_else(self, running, clients, world):
        good = _good(world)
        with _paused(running.postgres):
            for method, asks in good.items():
                started = time.monotonic()
                assert clients[service_of(method)].outcome(method, asks, timeout=0.3)[0] == "DEADLINE_EXCEEDED"
                assert time.monotonic() - started < 1
        for method, asks in good.items():
            _eventually(lambda: clients[service_of(method)].outcome(method, asks), "OK")

    def test_calls_given_up_by_the_hundred_leave_nothing_behind(self, running, clients, world):
        good = _good(world)
        with _paused(running.postgres):
            begun = [
                clients[service_of(method)].begin(method, asks, timeout=0.2)
                for method, asks in [*good.items()] * 50
            ]
            for number, each in enumerate(begun):
                if number % 2:
                    each.cancel()
            codes = {outcome_of(each) for each in begun}
        assert codes <= {"CANCELLED", "DEADLINE_EXCEEDED", "UNAVAILABLE"}
        for method, asks in good.items():
            _eventually(lambda: clients[service_of(method)].outcome(method, asks), "OK")

    def test_a_database_that_is_gone_is_no_refusal_and_nothing_is_told_of_it(self, running, clients, world):
        good, pids = _good(world), running.pids()
        running.postgres.kill()
        # Each may wait for a connection first, so all are asked at a time; the children may live a moment longer.
        def said() -> set[tuple[str, str]]:
            begun = [clients[service_of(method)].begin(method, asks) for method, asks in [*good.items()] * 3]
            return {outcome(each.result) for each in begun}

        _until(
            lambda: said()
            == {("UNAVAILABLE", f"the {name} service can't tell at the moment") for name in ("users", "things")}
        )
        # What needs no database is told as ever.
        assert clients["things-grpc"].outcome(BY_KEY, {})[0] == "INVALID_ARGUMENT"
        assert clients["things-grpc"].outcome(IDENTIFY, {})[0] == "PERMISSION_DENIED"
        assert clients["users-grpc"].outcome(USERS, {"value": world.forged_token})[0] == "UNAUTHENTICATED"

        running.postgres.start()
        for method, asks in good.items():
            _eventually(lambda: clients[service_of(method)].outcome(method, asks), "OK")
        assert running.pids() == pids


# What others send to the port: each must end with nothing else having noticed.
NOISE = {
    "HTTP/1.1": b"GET /version HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "noise": bytes(range(256)) * 64,
    "TLS": bytes.fromhex("160301006d0100006903035b90") + bytes(96),
    "a preface and noise": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 4_096,
    "a frame of 16 MB": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes.fromhex("000000040000000000") + b"\xff\xff\xff\x00",
    "half a preface": b"PRI * HTTP/2.0\r\n",
}


class TestStrangers:
    @pytest.mark.parametrize("listener", ["users-grpc", "things-grpc"])
    @pytest.mark.parametrize("noise", NOISE)
    def test_one_that_speaks_no_grpc_harms_nobody(self, running, clients, world, listener, noise):
        program = running.users if listener == "users-grpc" else running.things
        with program.connect(listener) as connection:
            # It may have been ended before all was said.
            with contextlib.suppress(OSError):
                connection.sendall(NOISE[noise])
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65_536):
                    pass
        running.check()
        method = USERS if listener == "users-grpc" else IDENTIFY
        assert clients[listener].outcome(method, _good(world)[method])[0] == "OK"

    def test_huge_metadata_is_refused_and_the_program_lives(self, running, clients, world):
        things = clients["things-grpc"]
        for size in (20_000, 2_000_000):
            code, _ = things.outcome(IDENTIFY, {"value": "some-key"}, metadata=[("x-huge", "a" * size)])
            assert code not in ("OK", "PERMISSION_DENIED"), size
        running.check()
        _eventually(lambda: things.outcome(IDENTIFY, {"value": world.thing_key}), "OK")


def test_users_that_was_ended_in_an_orderly_way_is_found_again_by_things(running, accounts):
    try:
        assert running.users.stop() == 0
        _until(lambda: running.things.down() == ["users"])
        running.users.start()
        _until(lambda: running.things.down() == [], within=8)
        accounts[0].thing()
    finally:
        running.things.stop()
        running.things.start()


def outcome_of(future: grpc.Future) -> str:
    try:
        return outcome(future.result)[0]
    except (grpc.FutureCancelledError, concurrent.futures.CancelledError):
        return "CANCELLED"


def _several(running, listener: str, count: int) -> list[RPC]:
    return [RPC(running.things.ports[listener]) for _ in range(count)]


def _varint(number: int) -> bytes:
    encoded = b""
    while number > 0x7F:
        encoded += bytes([number & 0x7F | 0x80])
        number >>= 7
    return encoded + bytes([number])
