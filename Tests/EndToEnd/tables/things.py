"""Contract 2.2 and 2.3 with our decisions: things and channels, single, in bulk and in lists."""

from tables.case import Case, malformed, table, unauthorised, untyped

NAME_1024 = "é" * 512


def _fields(path_status: int = 201) -> tuple[Case, ...]:
    """What things and channels share in creation and replacement; `path_status` is the good one."""
    return (
        Case("empty object", path_status, json={}),
        Case("`null` counts as an empty object", path_status, body=b"null"),
        Case("unknown fields are ignored", path_status, json={"id": "x", "owner": "y"}),
        Case("field names in any letter case", path_status, json={"NAME": "lamp", "MetaData": {}}),
        Case("name of 1,024 bytes", path_status, json={"name": NAME_1024}),
        Case("name over 1,024 bytes", 400, json={"name": NAME_1024 + "x"}),
        Case("number for a name", 400, json={"name": 1}),
        Case("U+0000 in the name", 400, json={"name": "a\0b"}),
        Case("array for metadata", 400, json={"metadata": [1]}),
        Case("string for metadata", 400, json={"metadata": "{}"}),
        Case("U+0000 in metadata", 400, json={"metadata": {"a": ["\0"]}}),
        Case("U+0000 in a metadata key", 400, json={"metadata": {"\0": 1}}),
    )


def _keys(wrap=lambda item: item) -> tuple[Case, ...]:
    """The rule for keys that a client gives."""
    return (
        Case("key of 8 characters", 201, json=wrap({"key": "$key8"})),
        Case("key of 256 characters", 201, json=wrap({"key": "$key256"})),
        Case("key of 7 characters", 400, json=wrap({"key": "1234567"})),
        Case("key over 256 characters", 400, json=wrap({"key": "k" * 257})),
        Case("key with a blank", 400, json=wrap({"key": "with a blank"})),
        Case("key with a control character", 400, json=wrap({"key": "with\ttab."})),
        Case("key that is no ASCII", 400, json=wrap({"key": "schlüssel"})),
        Case("key with U+0000", 400, json=wrap({"key": "12345678\0"})),
        Case("number for a key", 400, json=wrap({"key": 123456789})),
        Case("key in use", 422, json=wrap({"key": "$thing_key"})),
        Case("key in use by another tenant", 422, json=wrap({"key": "$foreign_key"})),
    )


def _bulk(kind: str) -> tuple[Case, ...]:
    return (
        Case("creates two", 201, json=[{"name": "a"}, {"name": "b", "metadata": {"x": 1}}]),
        Case("empty array", 400, json=[]),
        Case("an object for an array", 400, json={"name": "a"}),
        Case("`null` for an array", 400, body=b"null"),
        Case("array of numbers", 400, json=[1]),
        Case("one bad item", 400, json=[{"name": "a"}, {"name": 1}]),
        Case("one name too long", 400, json=[{}, {"name": NAME_1024 + "x"}]),
        *(row for row in malformed(limit=16 << 20) if row.name != "an array for an object"),
        *unauthorised(),
        *untyped(good=201),
    )


def _ids(kind: str, malformed_status: int, missing_status: int = 404) -> tuple[Case, ...]:
    """Ids that name nothing of the caller's."""
    path = "/{0}/{1}"
    return (
        Case("unknown id", missing_status, path=path.format(kind, "$unknown")),
        Case("another tenant's", missing_status, path=path.format(kind, f"$foreign_{kind[:-1]}")),
        Case("id that is no UUID", malformed_status, path=path.format(kind, "nonsense")),
        Case("id without hyphens", malformed_status, path=path.format(kind, f"$bare_{kind[:-1]}")),
        Case("id with something before", malformed_status, path=path.format(kind, f"%20${kind[:-1]}")),
        Case("id with U+0000 behind", 400, path=path.format(kind, f"${kind[:-1]}%00")),
        Case("empty id", 400, path=f"/{kind}/"),
    )


CREATE = [
    *table(
        "POST /things",
        "things",
        Case("creates", 201, answers={"Location": "/things/[0-9a-f-]{36}"}),
        *_fields(),
        *_keys(),
        Case("empty key is as none", 201, json={"key": ""}),
        *malformed(),
        *unauthorised(),
        *untyped(good=201),
        token="$token",
        json={"name": "lamp", "metadata": {"a": 1}},
    ),
    *table(
        "POST /channels",
        "things",
        Case("creates", 201, answers={"Location": "/channels/[0-9a-f-]{36}"}),
        *_fields(),
        *malformed(),
        *unauthorised(),
        *untyped(good=201),
        token="$token",
        json={"name": "hall"},
    ),
    *table(
        "POST /things/bulk",
        "things",
        *_bulk("things"),
        *_keys(lambda item: [{}, item]),
        Case("the same key twice", 422, json=[{"key": "$key8"}, {"key": "$key8"}]),
        token="$token",
        json=[{}, {}],
    ),
    *table("POST /channels/bulk", "things", *_bulk("channels"), token="$token", json=[{}, {}]),
]

VIEW = [
    *table(
        "GET /things/{id}",
        "things",
        Case("shows the thing", 200, shows={"id": "$thing", "key": "$thing_key"}),
        Case("id in capitals is shown canonical", 200, path="/things/$upper_thing", shows={"id": "$thing"}),
        Case("Bearer scheme", 200, token="Bearer $token"),
        *_ids("things", 404),
        *unauthorised(),
        token="$token",
        path="/things/$thing",
    ),
    *table(
        "GET /channels/{id}",
        "things",
        Case("shows the channel", 200, shows={"id": "$channel"}),
        Case("id in capitals is shown canonical", 200, path="/channels/$upper_channel", shows={"id": "$channel"}),
        *_ids("channels", 404),
        *unauthorised(),
        token="$token",
        path="/channels/$channel",
    ),
]

REPLACE = [
    row
    for kind in ("things", "channels")
    for row in table(
        f"PUT /{kind}/{{id}}",
        "things",
        Case("replaces", 200),
        Case("id in capitals", 200, path=f"/{kind}/$upper_{kind[:-1]}"),
        Case("If-Match that matches", 200, headers={"If-Match": f"${kind[:-1]}_etag"}),
        Case("If-Match that does not match", 412, headers={"If-Match": '"of-another-time"'}),
        Case("If-Match of anything", 200, headers={"If-Match": "*"}),
        *_fields(200),
        *_ids(kind, 400),
        *malformed(),
        *unauthorised(),
        *untyped(good=200),
        token="$token",
        path=f"/{kind}/${kind[:-1]}",
        json={"name": "other"},
    )
]

CHANGE_KEY = table(
    "PATCH /things/{id}/key",
    "things",
    Case("changes the key", 200),
    Case("the same key again", 200, json={"key": "$thing_key"}),
    Case("id in capitals", 200, path="/things/$upper_thing/key"),
    Case("If-Match that does not match", 412, headers={"If-Match": '"of-another-time"'}),
    Case("no key", 400, json={}),
    Case("`null` for the body", 400, body=b"null"),
    Case("empty key", 400, json={"key": ""}),
    Case("key of 7 characters", 400, json={"key": "1234567"}),
    Case("key over 256 characters", 400, json={"key": "k" * 257}),
    Case("key over 4,096 characters", 400, json={"key": "k" * 4097}),
    Case("key with a blank", 400, json={"key": "with a blank"}),
    Case("number for a key", 400, json={"key": 1}),
    Case("key in use", 422, json={"key": "$other_key"}),
    Case("key in use by another tenant", 422, json={"key": "$foreign_key"}),
    Case("unknown id", 404, path="/things/$unknown/key"),
    Case("another tenant's", 404, path="/things/$foreign_thing/key"),
    Case("id that is no UUID", 400, path="/things/nonsense/key"),
    Case("empty id", 400, path="/things//key"),
    *malformed(),
    *unauthorised(),
    *untyped(good=200),
    token="$token",
    path="/things/$thing/key",
    json={"key": "$key8"},
)

REMOVE = [
    row
    for kind in ("things", "channels")
    for row in table(
        f"DELETE /{kind}/{{id}}",
        "things",
        Case("removes", 204),
        Case("id in capitals", 204, path=f"/{kind}/$upper_{kind[:-1]}"),
        Case("If-Match that matches", 204, headers={"If-Match": f"${kind[:-1]}_etag"}),
        Case("If-Match that does not match", 412, headers={"If-Match": '"of-another-time"'}),
        *_ids(kind, 400, missing_status=204),
        *unauthorised(),
        token="$token",
        path=f"/{kind}/${kind[:-1]}",
    )
]

THINGS = [*CREATE, *VIEW, *REPLACE, *CHANGE_KEY, *REMOVE]
