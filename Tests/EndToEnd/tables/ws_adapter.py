"""Contract 4.2 with our decisions: the WebSocket handshake, and what ends a connection."""

import dataclasses

from support.raw_ws import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, close_frame, frame
from tables.case import Case, table
from tables.http_adapter import LIMIT
from tables.subtopics import NORMALISED, REFUSED

BASE = "/channels/$connected_channel/messages"
# What may not be published may be subscribed to: `*` is one level, `>` the rest.
PATTERNS = {"a lone `*`", "a lone `>`", "`*` among levels", "`>` at the end", "encoded `*`"}

HANDSHAKE = table(
    "GET /channels/{id}/messages",
    "ws",
    Case("key in the header", 101),
    Case("`Thing` scheme", 101, token="Thing $connected_key"),
    Case("`Bearer` scheme", 101, token="Bearer $connected_key"),
    Case("key in the query", 101, token=None, query="authorization=$connected_key"),
    Case("key in the query, percent-encoded", 101, token=None, query="authorization=$escaped_connected_key"),
    Case("empty header, key in the query", 101, token="", query="authorization=$connected_key"),
    Case("the header goes before the query", 403, token="no-such-key", query="authorization=$connected_key"),
    Case("good header, bad query", 101, query="authorization=no-such-key"),
    Case("content type in the query", 101, query="content-type=application/senml%2Bcbor"),
    Case("any origin", 101, headers={"Origin": "https://elsewhere.example"}),
    Case(
        "header values in other letter case", 101, headers={"Upgrade": "WebSocket", "Connection": "keep-alive, UPGRADE"}
    ),
    Case("channel in capitals", 101, path="/channels/$upper_connected_channel/messages"),
    Case("two Authorization headers", 400, headers={"authorization": "$connected_key"}),
    Case("no key", 401, token=None),
    Case("empty key", 401, token=""),
    Case("empty key in the query", 401, token=None, query="authorization="),
    Case("query keys are lower case", 401, token=None, query="Authorization=$connected_key"),
    Case("unknown key", 403, token="no-such-key"),
    Case("key of a thing that is not connected", 403, token="$thing_key"),
    Case("another tenant's key", 403, token="$foreign_key"),
    Case("removed thing's key", 403, token="$removed_key"),
    Case("key that has been changed", 403, token="$former_key"),
    Case("unknown channel", 403, path="/channels/$unknown/messages"),
    Case("channel that is no UUID", 403, path="/channels/nonsense/messages"),
    Case("channel without hyphens", 403, path="/channels/$bare_connected_channel/messages"),
    Case("key before subtopic", 401, token=None, path=BASE + "/a%20b"),
    Case("right before subtopic", 403, token="$thing_key", path=BASE + "/a%20b"),
    *(Case(f"subtopic {raw}", 101, path=BASE + raw) for raw, _ in NORMALISED),
    *(
        Case(f"subtopic with {name}", 101 if name in PATTERNS else 400, path=BASE + raw)
        for name, raw in REFUSED.items()
    ),
    Case("`>` before the end", 400, path=BASE + "/%3E/a"),
    Case("no upgrade", 400, headers={"Upgrade": None, "Connection": None}),
    Case("upgrade to something else", 400, headers={"Upgrade": "h2c"}),
    Case("no Connection header", 400, headers={"Connection": None}),
    Case("no Sec-WebSocket-Key", 400, headers={"Sec-WebSocket-Key": None}),
    Case("Sec-WebSocket-Key of another length", 400, headers={"Sec-WebSocket-Key": "c2hvcnQ="}),
    Case("Sec-WebSocket-Key that is no base64", 400, headers={"Sec-WebSocket-Key": "!" * 24}),
    Case("no version", 426, headers={"Sec-WebSocket-Version": None}),
    Case("another version", 426, headers={"Sec-WebSocket-Version": "8"}),
    Case("POST", 405, operation="POST /channels/{id}/messages"),
    Case("unknown path", 404, operation="GET /", path="/"),
    Case("version", 200, operation="GET /version", path="/version"),
    token="$connected_key",
    path=BASE,
)


@dataclasses.dataclass(frozen=True)
class Frames:
    """Bytes sent on an open connection, and the close code that must answer them."""

    name: str
    code: int
    data: bytes
    path: str = BASE

    def __str__(self) -> str:
        return f"{self.name} -> {self.code}"


CLOSING = [
    Frames("unmasked frame", 1002, frame(TEXT, b"a", masked=False)),
    *(Frames(f"reserved bits {bits:03b}", 1002, frame(TEXT, b"a", reserved=bits)) for bits in (1, 2, 4, 7)),
    *(Frames(f"opcode {opcode}", 1002, frame(opcode, b"a")) for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)),
    Frames("continuation of nothing", 1002, frame(CONTINUATION, b"a")),
    Frames("a new message within a fragmented one", 1002, frame(TEXT, b"a", fin=False) + frame(TEXT, b"b")),
    Frames("fragmented ping", 1002, frame(PING, b"a", fin=False)),
    Frames("fragmented close", 1002, frame(CLOSE, b"\x03\xe8", fin=False)),
    Frames("ping over 125 bytes", 1002, frame(PING, b"a" * 126)),
    Frames("pong over 125 bytes", 1002, frame(PONG, b"a" * 126)),
    Frames("close over 125 bytes", 1002, close_frame(1000, b"a" * 124)),
    Frames("length of 8 bytes with the highest bit", 1009, frame(BINARY, b"a", length=1 << 63, width=8)),
    Frames("frame over the limit, by its length alone", 1009, frame(BINARY, b"", length=1 << 40, width=8)),
    Frames("message one byte over the limit", 1009, frame(BINARY, b"x" * (LIMIT + 1))),
    Frames(
        "fragments that add up to more than the limit",
        1009,
        frame(BINARY, b"x" * LIMIT, fin=False) + frame(CONTINUATION, b"x"),
    ),
    Frames("text that is no UTF-8", 1007, frame(TEXT, b"a\xff")),
    Frames("text with a surrogate", 1007, frame(TEXT, b"\xed\xa0\x80")),
    Frames("text that ends within a character", 1007, frame(TEXT, b"\xe6\xbc")),
    Frames("fragmented text that is no UTF-8", 1007, frame(TEXT, b"\xe6", fin=False) + frame(CONTINUATION, b"(")),
    Frames("close with one byte", 1002, frame(CLOSE, b"\x03")),
    *(
        Frames(f"close code {code}", 1002, close_frame(code))
        for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000)
    ),
    Frames("close reason that is no UTF-8", 1007, close_frame(1000, b"\xff")),
    *(Frames(f"close code {code}", code, close_frame(code, b"bye")) for code in (1000, 1001, 1003, 3000, 4999)),
    Frames("close without a code", 1005, frame(CLOSE)),
    Frames("publishing on a connection with `*`", 1008, frame(TEXT, b"a"), BASE + "/*"),
    Frames("publishing on a connection with `>`", 1008, frame(TEXT, b"a"), BASE + "/a/%3E"),
]
