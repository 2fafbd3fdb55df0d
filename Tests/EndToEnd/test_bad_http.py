"""HTTP listeners against requests that are no HTTP, say two things at once, are endless or never end."""

import contextlib
import json
import select
import socket
import struct
import time

import pytest

from support.exchange import judge_error
from support.listeners import WebSocketClient
from support.raw_http import Ended, RawHTTP, request
from support.server import Server
from tables.bad_http import BAD_REQUESTS
from tables.http_adapter import LIMIT

# The head of a publication, without its framing.
HEAD = (
    b"POST /channels/00000000-0000-4000-8000-000000000000/messages HTTP/1.1\r\n"
    b"Host: a\r\nAuthorization: key-of-a-thing\r\n"
)
PROTOCOL = {"http": "http", "ws": "ws", "users": "rest", "things": "rest"}
METHOD = {"http": b"POST", "ws": b"GET", "users": b"PUT", "things": b"POST"}


@pytest.fixture
def pair(alice):
    return alice.pair()


@pytest.fixture
def post(pair):
    """A good publication's bytes."""

    def made(body: bytes = b"a", *headers: str, key: str = pair[1].key) -> bytes:
        return request("POST", f"/channels/{pair[0]}/messages", f"Authorization: {key}", *headers, body=body)

    return made


@pytest.fixture
def target(alice, pair):
    """Where a good request goes, and with which Authorization."""

    def of(listener: str) -> tuple[bytes, bytes]:
        if listener in ("http", "ws"):
            return f"/channels/{pair[0]}/messages".encode(), pair[1].key.encode()
        return {"users": b"/users", "things": b"/things"}[listener], alice.token.encode()

    return of


@pytest.mark.parametrize("listener", ["http", "things", "users", "ws"])
@pytest.mark.parametrize("bad", BAD_REQUESTS, ids=str)
def test_a_bad_request_is_refused_and_nothing_behind_it_is_obeyed(
    server, pair, target, closing, unharmed, listener, bad
):
    path, key = target(listener)
    heard = closing(WebSocketClient(server, pair[0], pair[2].key)) if listener == "http" else None
    with server.counts_a_refusal(PROTOCOL[listener]), RawHTTP(server.connect(listener)) as http:
        data = bad.data().replace(b"$method", METHOD[listener]).replace(b"$target", path).replace(b"$key", key)
        answer = http.send(data).answer()
        assert answer.status in bad.statuses, answer
        judge_error(answer.status, answer)
        with contextlib.suppress(Ended):
            while bad.ends:
                assert http.answer().status >= 400, "what stood behind was obeyed"
    if heard:
        with RawHTTP(server.connect("http")) as http:
            good = request("POST", path.decode(), f"Authorization: {pair[1].key}", body=b"end")
            assert http.send(good).answer().status == 202
        assert heard.next() == b"end" or not bad.ends


class TestTheConnection:
    def test_pipelined_requests_are_answered_in_their_order(self, server, pair, post, closing):
        heard = closing(WebSocketClient(server, pair[0], pair[2].key))
        bodies = [f"message {number}".encode() for number in range(200)]
        refused = post(b"", key="no-such-key")
        with RawHTTP(server.connect("http")) as http:
            http.send(
                b"".join(post(body) + (refused if number % 50 == 0 else b"") for number, body in enumerate(bodies))
            )
            for number in range(200):
                assert http.answer().status == 202
                if number % 50 == 0:
                    assert http.answer().status == 403
        assert [heard.next() for _ in bodies] == bodies

    def test_a_refusal_leaves_the_connection_as_it_is(self, server, post):
        with RawHTTP(server.connect("http")) as http:
            for _ in range(3):
                assert http.send(post(key="no-such-key")).answer().status == 403
                assert http.send(post(key="")).answer().status == 401
                assert http.send(post()).answer().status == 202
                assert http.send(post(key="")).answer().status == 401

    def test_every_byte_may_come_alone(self, server, post):
        with RawHTTP(server.connect("http")) as http:
            for byte in post(b"slow"):
                http.send(bytes([byte]))
            assert http.answer().status == 202

    def test_chunked_bodies_and_trailers_are_read(self, server, pair, post, closing):
        heard = closing(WebSocketClient(server, pair[0], pair[2].key))
        with RawHTTP(server.connect("http")) as http:
            http.send(post(b"", "Transfer-Encoding: chunked") + b"5;a=b\r\nhello\r\n006\r\n world\r\n0\r\nX: y\r\n\r\n")
            assert http.answer().status == 202
        assert heard.next() == b"hello world"

    def test_a_client_that_waits_for_100_is_told_to_go_on(self, server, post):
        head, _, body = post(b"hello", "Expect: 100-continue").partition(b"\r\n\r\n")
        with RawHTTP(server.connect("http")) as http:
            assert http.send(head + b"\r\n\r\n").answer(head_only=True).status == 100
            assert http.send(body).answer().status == 202

    def test_a_client_that_waits_for_100_is_refused_before_it_sends(self, server, post):
        head, _, _ = post(b"", "Expect: 100-continue", f"Content-Length: {LIMIT + 1}").partition(b"\r\n\r\n")
        with RawHTTP(server.connect("http")) as http:
            assert http.send(head + b"\r\n\r\n").answer().status == 413

    def test_connection_close_is_obeyed(self, server, post):
        with RawHTTP(server.connect("http")) as http:
            assert http.send(post(b"a", "Connection: close")).answer().status == 202
            assert http.is_closed()

    def test_a_chunk_extension_of_a_megabyte_hurts_nobody(self, server, post, unharmed):
        """It is passed over as it comes, so that only the time limit of the request bounds it."""
        with RawHTTP(server.connect("http")) as http:
            http.send(post(b"", "Transfer-Encoding: chunked") + b"5;" + b"a" * (1 << 20) + b"\r\nhello\r\n0\r\n\r\n")
            assert http.answer().status in (202, 400, 413, 431)

    @pytest.mark.parametrize("listener", ["http", "ws", "users", "things", "mqtt", "mqttws"])
    def test_connections_reset_in_the_middle_hurt_nobody(self, server, post, unharmed, listener):
        for length in (0, 1, 20, 100):
            connection = server.connect(listener)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.sendall(post(b"a" * 50)[:length])
            connection.close()


@pytest.fixture(scope="module")
def impatient(program, tmp_path_factory):
    """A server whose patience is short; the default is 10 s."""
    running = Server(tmp_path_factory.mktemp("impatient"), MF_HTTP_ADAPTER_REQUEST_TIMEOUT="1s").start()
    yield running
    running.check()
    running.stop()


class TestStalling:
    @pytest.mark.parametrize(
        "sent",
        [
            b"",
            b"P",
            HEAD[:-10],
            HEAD + b"Content-Length: 5\r\n\r\nhell",
            HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhe",
            HEAD + b"Transfer-Encoding: chunked\r\n\r\n7FFFFFFFFFFFFFFF\r\nhello",
        ],
        ids=["nothing", "a letter", "half a head", "half a body", "half a chunk", "a bit of an endless chunk"],
    )
    def test_a_request_that_stops_is_timed_out(self, impatient, sent):
        with impatient.counts_a_refusal("http"), RawHTTP(impatient.connect("http")) as http:
            started = time.monotonic()
            assert http.send(sent).answer().status == 408
            assert http.is_closed()
            assert 0.8 < time.monotonic() - started < 4

    @pytest.mark.parametrize(
        "beginning, drip",
        [
            (b"POST / HTTP/1.1\r\n", b"X: a\r\n"),
            (HEAD + b"Content-Length: 1000\r\n\r\n", b"a"),
        ],
        ids=["head", "body"],
    )
    def test_dripping_does_not_buy_time(self, impatient, beginning, drip):
        with RawHTTP(impatient.connect("http")) as http:
            started = time.monotonic()
            http.send(beginning)
            while not select.select([http.socket], [], [], 0.05)[0]:
                assert time.monotonic() - started < 4
                http.send(drip)
            assert http.answer().status == 408

    def test_many_stalled_connections_do_not_keep_others_waiting(self, impatient):
        stalled = [impatient.connect("http") for _ in range(500)]
        for each in stalled:
            each.sendall(b"POST /channels/")
        with RawHTTP(impatient.connect("http")) as http:
            started = time.monotonic()
            assert http.send(request("GET", "/version")).answer().status == 200
            assert time.monotonic() - started < 0.5
        for each in stalled:
            with RawHTTP(each) as http:
                assert http.answer().status == 408


def test_text_from_a_request_is_never_shown_unescaped(server):
    """What an error says about a request must stay JSON, whatever the request was."""
    with RawHTTP(server.connect("things")) as http:
        answer = http.send(request("GET", '/<script>"%22%0a\\u0000')).answer()
        assert answer.status in (400, 404)
        json.loads(answer.body)
