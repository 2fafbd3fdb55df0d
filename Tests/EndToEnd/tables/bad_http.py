"""Requests that no decent client sends. Each must be refused, and nothing behind it on the connection may be obeyed."""

import dataclasses

SMUGGLED = (
    b"$method $target HTTP/1.1\r\nHost: a\r\nAuthorization: $key\r\nContent-Type: application/json\r\n"
    b"Content-Length: 2\r\n\r\n{}"
)


@dataclasses.dataclass(frozen=True)
class Bad:
    """`head` stands behind the request line; `$method`, `$target`, `$key` are those of a good request."""

    name: str
    head: str = "Host: a"
    body: bytes = b""
    line: str = "$method $target HTTP/1.1"
    end: str = "\r\n"
    statuses: frozenset[int] = frozenset({400})
    ends: bool = True  # Whether the connection must end; not if it is sure where the request does.

    def __str__(self) -> str:
        return self.name

    def data(self) -> bytes:
        lines = [self.line, *self.head.split("|"), "Authorization: $key", "Content-Type: application/json", "", ""]
        return self.end.join(lines).encode("latin-1") + self.body + SMUGGLED


CHUNKED = "Host: a|Transfer-Encoding: chunked"
CHUNK = b"5\r\nhello\r\n0\r\n\r\n"

FRAMING = [
    Bad("Content-Length and Transfer-Encoding", CHUNKED + "|Content-Length: 5", CHUNK),
    Bad("Transfer-Encoding after Content-Length", "Host: a|Content-Length: 15|Transfer-Encoding: chunked", CHUNK),
    Bad("two lengths", "Host: a|Content-Length: 5|Content-Length: 6", b"hello!"),
    Bad("two lengths alike", "Host: a|Content-Length: 5|Content-Length: 5", b"hello"),
    Bad("two lengths in one field", "Host: a|Content-Length: 5, 5", b"hello"),
    Bad("length with a sign", "Host: a|Content-Length: +5", b"hello"),
    Bad("negative length", "Host: a|Content-Length: -5", b"hello"),
    Bad("length in hexadecimal", "Host: a|Content-Length: 0x5", b"hello"),
    Bad("length with a blank inside", "Host: a|Content-Length: 1 5", b"hello"),
    Bad("empty length", "Host: a|Content-Length:", b"hello"),
    Bad("length beyond 2^64", "Host: a|Content-Length: 99999999999999999999", statuses=frozenset({400, 413})),
    Bad("blank before the colon", "Host: a|Transfer-Encoding : chunked", CHUNK),
    Bad("another transfer encoding", "Host: a|Transfer-Encoding: xchunked", CHUNK, statuses=frozenset({400, 501})),
    Bad(
        "chunked is not the last encoding",
        "Host: a|Transfer-Encoding: chunked, identity",
        CHUNK,
        statuses=frozenset({400, 501}),
    ),
    Bad("a second encoding", "Host: a|Transfer-Encoding: gzip, chunked", CHUNK, statuses=frozenset({400, 501})),
    Bad("two Transfer-Encoding fields", CHUNKED + "|Transfer-Encoding: chunked", CHUNK),
    Bad("an encoding hidden by a control character", "Host: a|Transfer-Encoding: \x0bchunked", CHUNK),
    Bad("an encoding of nothing", "Host: a|Transfer-Encoding:", CHUNK, statuses=frozenset({400, 501})),
    Bad("chunked in HTTP/1.0", CHUNKED, CHUNK, line="$method $target HTTP/1.0"),
    Bad("folded field", "Host: a|X: a| b|Content-Length: 0"),
    Bad("blank before the first field", " Host: a|Content-Length: 0"),
    Bad("LF alone ends the lines", "Host: a|Content-Length: 0", end="\n"),
    Bad("CR alone ends the lines", "Host: a|Content-Length: 0", end="\r"),
    Bad("LF alone ends one line", "Host: a|X: a\nContent-Length: 5", b"hello"),
    Bad("CR inside a value", "Host: a|X: a\rb|Content-Length: 0"),
    Bad("U+0000 inside a value", "Host: a|X: a\0b|Content-Length: 0"),
    Bad("DEL inside a value", "Host: a|X: a\x7fb|Content-Length: 0"),
    Bad("a field without a colon", "Host: a|Nonsense|Content-Length: 0"),
    Bad("a field without a name", "Host: a|: value|Content-Length: 0"),
    Bad("a blank in a name", "Host: a|X Y: value|Content-Length: 0"),
    Bad("a byte beyond ASCII in a name", "Host: a|X\xe9: value|Content-Length: 0"),
    Bad("no Host", "Content-Length: 0"),
    Bad("two Hosts", "Host: a|Host: b|Content-Length: 0"),
]

CHUNKS = [
    Bad(f"chunk: {name}", CHUNKED, body, statuses=frozenset({400, 413}))
    for name, body in {
        "size with 0x": b"0x5\r\nhello\r\n0\r\n\r\n",
        "negative size": b"-5\r\nhello\r\n0\r\n\r\n",
        "size with a sign": b"+5\r\nhello\r\n0\r\n\r\n",
        "no size": b"\r\nhello\r\n0\r\n\r\n",
        "size beyond 2^64": b"FFFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n",
        "blank in the size": b"5 5\r\nhello\r\n0\r\n\r\n",
        "LF alone after the size": b"5\nhello\r\n0\r\n\r\n",
        "LF alone after the data": b"5\r\nhello\n0\r\n\r\n",
        "longer than it says": b"3\r\nhello\r\n0\r\n\r\n",
        "no end of the data": b"5\r\nhello0\r\n\r\n",
        "letters for a size": b"xyz\r\nhello\r\n0\r\n\r\n",
        "CR inside an extension": b"5;a=\rb\r\nhello\r\n0\r\n\r\n",
        "LF inside an extension": b"5;a=\nb\r\nhello\r\n0\r\n\r\n",
    }.items()
]

LINES = [
    Bad(f"request line: {name}", "Host: a|Content-Length: 0", line=line, statuses=frozenset(statuses))
    for name, line, statuses in [
        ("no version", "$method $target", {400}),
        ("nothing", "", {400}),
        ("a tab", "$method\t$target\tHTTP/1.1", {400}),
        ("a blank in the target", "$method $target /x HTTP/1.1", {400}),
        ("U+0000 in the target", "$method $target\0 HTTP/1.1", {400}),
        ("DEL in the target", "$method $target\x7f HTTP/1.1", {400}),
        ("a byte that is no UTF-8", "$method $target/\xff HTTP/1.1", {400}),
        ("ESC in the target", "$method $target/\x1b HTTP/1.1", {400}),
        ("no target", "$method HTTP/1.1", {400}),
        ("HTTP/2.0", "$method $target HTTP/2.0", {400, 505}),
        ("HTTP/9.9", "$method $target HTTP/9.9", {400, 505}),
        ("no HTTP", "$method $target FTP/1.1", {400}),
        ("lower-case HTTP", "$method $target http/1.1", {400}),
        ("control characters", "\x16\x03\x01\x02\0", {400}),
        ("lower-case method", "post $target HTTP/1.1", {400, 405}),
        ("method of 10,000 letters", "A" * 10_000 + " $target HTTP/1.1", {400, 405, 414, 431, 501}),
    ]
]

# Well framed, so that the connection may go on; CONNECT is no request that could be followed by another.
FORMS = [
    Bad("absolute form", "Host: a|Content-Length: 0", line="$method http://a$target HTTP/1.1", ends=False),
    Bad(
        "asterisk form",
        "Host: a|Content-Length: 0",
        line="OPTIONS * HTTP/1.1",
        statuses=frozenset({400, 404, 405}),
        ends=False,
    ),
    Bad("authority form", line="CONNECT a:1 HTTP/1.1", statuses=frozenset({400, 404, 405})),
]

TOO_LARGE = [
    Bad(
        "100,000 fields",
        "Host: a|" + "|".join(f"X-{number}: a" for number in range(100_000)),
        statuses=frozenset({431}),
    ),
    Bad("101 fields", "Host: a|" + "|".join(f"X-{number}: a" for number in range(100)), statuses=frozenset({431})),
    Bad("value of a megabyte", "Host: a|X: " + "a" * (1 << 20), statuses=frozenset({431})),
    Bad("name of a megabyte", "Host: a|" + "X" * (1 << 20) + ": a", statuses=frozenset({400, 431})),
    Bad(
        "target of a megabyte",
        "Host: a|Content-Length: 0",
        line="$method $target/" + "a" * (1 << 20) + " HTTP/1.1",
        statuses=frozenset({400, 414, 431}),
    ),
    Bad("trailer of a megabyte", CHUNKED, b"0\r\nX: " + b"a" * (1 << 20) + b"\r\n\r\n", statuses=frozenset({400, 431})),
    Bad("no end of chunks", CHUNKED, b"1\r\na\r\n" * 400_000, statuses=frozenset({400, 413})),
]

BAD_REQUESTS = [*FRAMING, *CHUNKS, *LINES, *FORMS, *TOO_LARGE]
