"""Contract 4.1 with our decisions: publishing over HTTP."""

from tables.case import Case, table
from tables.subtopics import NORMALISED, REFUSED

BASE = "/channels/$connected_channel/messages"

# MF_MAX_MESSAGE_BYTES as it is by default.
LIMIT = 256 * 1024

PUBLISH = table(
    "POST /channels/{id}/messages",
    "http",
    Case("accepts", 202),
    Case("no content type", 202, type=None),
    Case("content type with parameters", 202, type='application/senml+json; charset="utf-8"'),
    Case("empty body", 202, body=b""),
    Case("any bytes", 202, body=bytes(range(256))),
    Case("body as long as may be", 202, body=b"x" * LIMIT),
    Case("body over the limit", 413, body=b"x" * (LIMIT + 1)),
    Case("the query is ignored", 202, query="authorization=nonsense&%zz"),
    Case("`Thing` scheme", 202, token="Thing $connected_key"),
    Case("`Bearer` scheme", 202, token="Bearer $connected_key"),
    Case("channel in capitals", 202, path="/channels/$upper_connected_channel/messages"),
    Case("no key", 401, token=None),
    Case("empty key", 401, token=""),
    Case("blank key", 401, token="   "),
    Case("unknown key", 403, token="no-such-key"),
    Case("two Authorization headers", 400, headers={"authorization": "$connected_key"}),
    Case("another scheme", 403, token="Basic $connected_key"),
    Case("a user's token", 403, token="$token"),
    Case("a thing id for its key", 403, token="$connected_thing"),
    Case("key of a thing that is not connected", 403, token="$thing_key"),
    Case("another tenant's key", 403, token="$foreign_key"),
    Case("removed thing's key", 403, token="$removed_key"),
    Case("key that has been changed", 403, token="$former_key"),
    Case("another tenant's channel", 403, path="/channels/$foreign_channel/messages"),
    Case("unknown channel", 403, path="/channels/$unknown/messages"),
    Case("channel that is no UUID", 403, path="/channels/nonsense/messages"),
    Case("channel without hyphens", 403, path="/channels/$bare_connected_channel/messages"),
    Case("channel with an encoded blank", 403, path="/channels/$connected_channel%20/messages"),
    Case("channel with U+0000", 403, path="/channels/$connected_channel%00/messages"),
    Case("channel in braces", 403, path="/channels/%7B$connected_channel%7D/messages"),
    Case("key before subtopic", 401, path=BASE + "/a%20b", token=None),
    Case("right before subtopic", 403, path=BASE + "/a%20b", token="$thing_key"),
    *(Case(f"subtopic {raw}", 202, path=BASE + raw) for raw, _ in NORMALISED),
    *(Case(f"subtopic with {name}", 400, path=BASE + raw) for name, raw in REFUSED.items()),
    token="$connected_key",
    path=BASE,
    body=b'[{"n":"voltage","v":120.1}]',
    type="application/senml+json",
)

OTHERS = table(
    "any",
    "http",
    Case("GET", 405, operation="GET /channels/{id}/messages", answers={"Allow": ".*POST.*"}),
    Case("PUT", 405, operation="PUT /channels/{id}/messages", answers={"Allow": ".*POST.*"}),
    Case("DELETE of a subtopic", 405, operation="DELETE /channels/{id}/messages", path=BASE + "/a"),
    Case("unknown path", 404, operation="POST /", path="/"),
    Case("unknown path below a channel", 404, operation="POST /", path="/channels/$connected_channel"),
    Case("`/messagesx`", 404, operation="POST /", path=BASE + "x"),
    Case("version", 200, operation="GET /version", path="/version"),
    token="$connected_key",
    path=BASE,
)

HTTP_ADAPTER = [*PUBLISH, *OTHERS]
