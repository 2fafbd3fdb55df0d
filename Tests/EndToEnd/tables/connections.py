"""Contract 2.2–2.4 with our decisions: connecting, disconnecting, and the statuses of lists."""

from tables.case import Case, malformed, table, unauthorised, untyped

HUGE = "9" * 30


def _one(good: int, path: str) -> tuple[Case, ...]:
    """The single routes: both ids stand in the path."""
    return (
        Case("ids in capitals", good, path=path.replace("$", "$upper_")),
        Case("unknown channel", 404, path="/channels/$unknown/things/$thing"),
        Case("unknown thing", 404, path="/channels/$channel/things/$unknown"),
        Case("another tenant's channel", 404, path="/channels/$foreign_channel/things/$thing"),
        Case("another tenant's thing", 404, path="/channels/$channel/things/$foreign_thing"),
        Case("channel id that is no UUID", 400, path="/channels/nonsense/things/$thing"),
        Case("thing id that is no UUID", 400, path="/channels/$channel/things/nonsense"),
        Case("id without hyphens", 400, path="/channels/$bare_channel/things/$thing"),
        Case("empty thing id", 400, path="/channels/$channel/things/"),
        *unauthorised(),
    )


def _many(good: int, channel: str, thing: str) -> tuple[Case, ...]:
    """The bulk routes: the ids stand in the body."""
    return (
        Case("ids in capitals", good, json=_ids(channel.replace("$", "$upper_"), thing.replace("$", "$upper_"))),
        Case("empty object does nothing", 200, json={}),
        Case("`null` does nothing", 200, body=b"null"),
        Case("no things", 200, json={"channel_ids": [channel], "thing_ids": []}),
        Case("no channels", 200, json={"thing_ids": [thing]}),
        Case("empty string for an id", 400, json=_ids("", thing)),
        Case("number for an id", 400, json=_ids(channel, 7)),
        Case("a string for the list", 400, json={"channel_ids": channel, "thing_ids": [thing]}),
        Case("id that is no UUID", 400, json=_ids("nonsense", thing)),
        Case("id without hyphens", 400, json=_ids(channel, "$bare_thing")),
        Case("unknown channel", 404, json=_ids("$unknown", thing)),
        Case("another tenant's thing", 404, json=_ids(channel, "$foreign_thing")),
        Case("another tenant's channel", 404, json=_ids("$foreign_channel", thing)),
        *malformed(),
        *unauthorised(),
        *untyped(good=good),
    )


def _ids(channel: object, thing: object) -> dict[str, list[object]]:
    return {"channel_ids": [channel], "thing_ids": [thing]}


CONNECT_ONE = table(
    "PUT /channels/{channelId}/things/{thingId}",
    "things",
    Case("connects", 200),
    Case("already connected", 422, path="/channels/$connected_channel/things/$connected_thing"),
    *_one(200, "/channels/$channel/things/$thing"),
    token="$token",
    path="/channels/$channel/things/$thing",
)

DISCONNECT_ONE = table(
    "DELETE /channels/{channelId}/things/{thingId}",
    "things",
    Case("disconnects", 204),
    Case("not connected", 404, path="/channels/$channel/things/$thing"),
    Case("another tenant's connection", 404, token="$foreign_token"),
    *_one(204, "/channels/$connected_channel/things/$connected_thing"),
    token="$token",
    path="/channels/$connected_channel/things/$connected_thing",
)

CONNECT_MANY = table(
    "POST /connect",
    "things",
    Case("connects", 200),
    Case("already connected", 422, json=_ids("$connected_channel", "$connected_thing")),
    *_many(200, "$channel", "$thing"),
    token="$token",
    json=_ids("$channel", "$thing"),
)

DISCONNECT_MANY = table(
    "PUT /disconnect",
    "things",
    Case("disconnects", 200),
    Case("not connected", 404, json=_ids("$channel", "$thing")),
    *_many(200, "$connected_channel", "$connected_thing"),
    token="$token",
    json=_ids("$connected_channel", "$connected_thing"),
)


def _paging() -> tuple[Case, ...]:
    return (
        Case("first page", 200),
        Case("paged", 200, query="offset=5&limit=100", shows={"offset": 5, "limit": 100}),
        Case("defaults", 200, shows={"offset": 0, "limit": 10}),
        Case("unknown keys are ignored", 200, query="colour=red"),
        Case("offset of 2^63−1", 200, query=f"offset={2**63 - 1}"),
        Case("offset beyond 2^63−1", 400, query=f"offset={2**63}"),
        Case("offset of thirty digits", 400, query=f"offset={HUGE}"),
        *(
            Case(f"{key} {label}", 400, query=f"{key}={value}")
            for key in ("offset", "limit")
            for label, value in [
                ("negative", "-1"),
                ("not a number", "ten"),
                ("empty", ""),
                ("with U+0000", "1%00"),
                ("a fraction", "1.5"),
                ("with a blank", "+1"),
                ("in hexadecimal", "0x1"),
            ]
        ),
        Case("limit 1", 200, query="limit=1"),
        Case("limit 0", 400, query="limit=0"),
        Case("limit over 100", 400, query="limit=101"),
        Case("limit of thirty digits", 400, query=f"limit={HUGE}"),
        Case("limit twice", 400, query="limit=5&limit=6"),
        Case("offset twice", 400, query="offset=5&offset=5"),
        Case("query that cannot be decoded", 400, query="limit=%zz"),
        *unauthorised(),
    )


def _filters() -> tuple[Case, ...]:
    return (
        Case("name", 200, query="name=lamp"),
        Case("comma in a name", 200, query="name=a,b"),
        Case("empty name", 200, query="name="),
        Case("name of 1,024 bytes", 200, query="name=" + "x" * 1024),
        Case("name over 1,024 bytes", 400, query="name=" + "x" * 1025),
        Case("name twice", 400, query="name=a&name=b"),
        Case("U+0000 in the name", 400, query="name=a%00"),
        Case("name that is no UTF-8", 400, query="name=%ff"),
        Case("metadata", 200, query="metadata=%7B%22a%22%3A1%2C%22b%22%3A2%7D"),
        Case("metadata `null` is no filter", 200, query="metadata=null"),
        Case("empty metadata", 400, query="metadata="),
        Case("metadata that is no JSON", 400, query="metadata=%7B"),
        Case("metadata that is an array", 400, query="metadata=%5B1%5D"),
        Case("metadata that is a number", 400, query="metadata=1"),
        Case("metadata twice", 400, query="metadata=%7B%7D&metadata=%7B%7D"),
        Case("U+0000 in metadata", 400, query="metadata=%7B%22a%22%3A%22%5Cu0000%22%7D"),
        Case("metadata nested 400 deep", 400, query="metadata=" + "%7B%22a%22%3A" * 400 + "1" + "%7D" * 400),
    )


LISTS = [
    *table("GET /things", "things", *_paging(), *_filters(), token="$token"),
    *table("GET /channels", "things", *_paging(), *_filters(), token="$token"),
    *(
        row
        for kind, other in (("things", "channels"), ("channels", "things"))
        for row in table(
            f"GET /{kind}/{{id}}/{other}",
            "things",
            *_paging(),
            Case("shows the connected", 200, shows={"total": 1}),
            Case("unknown id: an empty page", 200, path=f"/{kind}/$unknown/{other}", shows={"total": 0, other: []}),
            Case(
                "another tenant's: an empty page", 200, path=f"/{kind}/$foreign_{kind[:-1]}/{other}", shows={"total": 0}
            ),
            Case("id that is no UUID", 404, path=f"/{kind}/nonsense/{other}"),
            Case("empty id", 400, path=f"/{kind}//{other}"),
            token="$token",
            path=f"/{kind}/$connected_{kind[:-1]}/{other}",
        )
    ),
]

CONNECTIONS = [*CONNECT_ONE, *DISCONNECT_ONE, *CONNECT_MANY, *DISCONNECT_MANY, *LISTS]
