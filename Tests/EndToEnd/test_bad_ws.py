"""The WebSocket adapter against streams of frames that are not as they should be, and against silence."""

import contextlib
import os
import random

import pytest

from support.api import Account, publish_http
from support.listeners import PahoClient, topic
from support.raw_http import RawHTTP
from support.raw_ws import BINARY, CONTINUATION, PING, PONG, TEXT, RawWS, close_frame, frame, handshake
from tables.http_adapter import LIMIT


@pytest.fixture
def pair(alice):
    return alice.pair()


@pytest.fixture
def open_ws(server, pair, closing):
    def opened(path: str = "") -> RawWS:
        socket = RawWS(
            closing(server.connect("ws")), f"/channels/{pair[0]}/messages{path}", f"Authorization: {pair[1].key}"
        )
        assert socket.answer.status == 101
        return socket

    return opened


@pytest.mark.parametrize(
    "data",
    [
        frame(TEXT, b"a", masked=False),
        frame(3, b"a"),
        frame(TEXT, b"\xff"),
        frame(BINARY, b"", length=1 << 62, width=8),
        frame(CONTINUATION, b"a"),
        frame(TEXT, b"a", reserved=4),
    ],
    ids=["unmasked", "opcode", "text", "length", "order", "reserved"],
)
def test_a_refused_frame_is_counted_and_not_published(server, pair, open_ws, closing, unharmed, data):
    listener = closing(PahoClient(server, pair[2], topic(pair[0], "#")))
    with server.counts_a_refusal("ws"):
        open_ws().send(data + frame(TEXT, b"behind")).close_code()

    assert publish_http(server, pair[0], pair[1].key, b"end") == 202
    assert listener.next() == b"end"


def test_a_wildcard_publish_is_counted_and_not_published(server, pair, open_ws, closing, unharmed):
    listener = closing(PahoClient(server, pair[2], topic(pair[0], "#")))
    with server.counts_a_refusal("ws"):
        assert open_ws("/*").send(frame(TEXT, b"wild")).close_code() == 1008

    assert publish_http(server, pair[0], pair[1].key, b"end") == 202
    assert listener.next() == b"end"


def test_frames_may_come_with_the_handshake(server, pair):
    request = handshake(f"/channels/{pair[0]}/messages", f"Authorization: {pair[1].key}")
    with RawHTTP(server.connect("ws")) as http:
        socket = RawWS.__new__(RawWS)
        socket.http, socket.socket = http, http.socket
        assert http.send(request + frame(TEXT, b"early")).answer(head_only=True).status == 101
        assert socket.data() == b"early"


def test_frames_may_come_byte_by_byte_and_in_many_fragments(open_ws):
    socket = open_ws()
    pieces = [
        frame(TEXT, "é".encode()[:1], fin=False),
        frame(CONTINUATION, b"", fin=False),
        frame(PING, b"between"),
        frame(CONTINUATION, "é".encode()[1:], fin=False),
        frame(CONTINUATION, b"!"),
    ]
    for byte in b"".join(pieces):
        socket.send(bytes([byte]))

    assert socket.frame() == (PONG, b"between")
    assert socket.frame() == (TEXT, "é!".encode())


@pytest.mark.parametrize("width, payload", [(2, b"short"), (8, b"short"), (8, b"x" * 200)])
def test_a_length_is_written_as_shortly_as_can_be(open_ws, unharmed, width, payload):
    """RFC 6455 section 5.2: "the minimal number of bytes MUST be used"; many servers let it pass, none may trip."""
    socket = open_ws()
    socket.send(frame(BINARY, payload, width=width) + close_frame(1000))
    assert socket.close_code() in (1000, 1002)


def test_pings_are_answered_and_unasked_pongs_ignored(open_ws):
    socket = open_ws()
    socket.send(frame(PONG, b"unasked") + b"".join(frame(PING, bytes([number])) for number in range(100)))
    assert [socket.frame() for _ in range(100)] == [(PONG, bytes([number])) for number in range(100)]
    socket.send(frame(PING, b"p" * 125))
    assert socket.frame() == (PONG, b"p" * 125)


def test_the_longest_message_passes_and_a_fragment_of_nothing_is_nothing(open_ws):
    socket = open_ws()
    socket.send(frame(BINARY, b"x" * LIMIT))
    assert socket.data() == b"x" * LIMIT
    socket.send(frame(BINARY, b"", fin=False) + frame(CONTINUATION, b"", fin=False) + frame(CONTINUATION, b""))
    assert socket.data() == b""


class TestSilence:
    """On a server that pings after a second; the default is 30."""

    @pytest.fixture
    def pinging(self, start_server):
        server = start_server(MF_WS_ADAPTER_PING_INTERVAL="1s")
        channel, thing, _ = Account(server).pair()
        return lambda: RawWS(server.connect("ws"), f"/channels/{channel}/messages", f"Authorization: {thing.key}")

    def test_who_answers_pings_may_be_silent_and_who_does_not_is_let_go(self, pinging):
        with pinging() as polite, pinging() as deaf:
            for _ in range(3):
                opcode, payload = polite.frame()
                assert opcode == PING
                polite.send(frame(PONG, payload))
            deaf.close_code()
            opcode, _ = polite.frame()
            assert opcode == PING, "still there"


def test_a_hundred_thousand_empty_fragments_hurt_nobody(open_ws, unharmed):
    socket = open_ws()
    socket.send(
        frame(TEXT, b"a", fin=False) + frame(CONTINUATION, b"", fin=False) * 100_000 + frame(CONTINUATION, b"b")
    )
    with contextlib.suppress(AssertionError):  # It may refuse that, in its own words.
        assert socket.data() == b"ab"


def test_random_frames_hurt_nobody(server, open_ws, unharmed):
    source = random.Random(0xF1C7)
    for _ in range(100):
        socket = open_ws()
        for _ in range(source.randrange(1, 6)):
            socket.send(
                frame(
                    source.randrange(16),
                    source.randbytes(source.randrange(200)),
                    bool(source.randrange(4)),
                    bool(source.randrange(8)),
                    source.choice((0, 0, 0, 1)),
                )
            )
        socket.socket.close()


def test_random_bytes_hurt_nobody(server, open_ws, unharmed):
    for number in range(100):
        connection = server.connect("ws") if number % 2 else open_ws().socket
        connection.sendall(os.urandom(200))
        connection.close()


def test_a_reader_that_does_not_read_keeps_nobody_waiting(server, alice, closing, unharmed):
    channel, lazy, sender = alice.pair()
    sleeping = RawWS(closing(server.connect("ws")), f"/channels/{channel}/messages", f"Authorization: {lazy.key}")
    assert sleeping.answer.status == 101
    for _ in range(300):
        assert publish_http(server, channel, sender.key, b"x" * 200_000) == 202
