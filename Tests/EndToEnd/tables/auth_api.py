"""Contract 2.5: the access questions that other services ask over HTTP."""

from tables.case import Case, malformed, table, untyped


def _malformed() -> tuple[Case, ...]:
    return (
        Case("number for a string", 400, json={"token": 1, "thing_id": 1}),
        *malformed(depth=2_500),
    )


IDENTIFY = table(
    "POST /identify",
    "auth",
    Case("identifies a key", 200, shows={"id": "$thing"}),
    Case("unknown key", 403, json={"token": "no-such-key"}),
    Case("empty key", 403, json={"token": ""}),
    Case("empty object", 403, json={}),
    Case("an id for a key", 403, json={"token": "$thing"}),
    Case("key with U+0000", 400, json={"token": "a\0"}),
    Case("key of a removed thing", 403, json={"token": "$removed_key"}),
    Case("key that has been changed", 403, json={"token": "$former_key"}),
    *_malformed(),
    *untyped(good=200),
    json={"token": "$thing_key"},
)

BY_KEY = table(
    "POST /channels/{id}/access-by-key",
    "auth",
    Case("grants", 200, shows={"id": "$connected_thing"}),
    Case("channel in capitals", 200, path="/channels/$upper_connected_channel/access-by-key"),
    Case("not connected", 403, json={"token": "$thing_key"}),
    Case("unknown key", 403, json={"token": "no-such-key"}),
    Case("empty key", 403, json={"token": ""}),
    Case("another tenant's key", 403, json={"token": "$foreign_key"}),
    Case("unknown channel", 403, path="/channels/$unknown/access-by-key"),
    Case("channel that is no UUID", 403, path="/channels/nonsense/access-by-key"),
    Case("channel without hyphens", 403, path="/channels/$bare_connected_channel/access-by-key"),
    *_malformed(),
    *untyped(good=200),
    path="/channels/$connected_channel/access-by-key",
    json={"token": "$connected_key"},
)

BY_ID = table(
    "POST /channels/{id}/access-by-id",
    "auth",
    Case("grants", 200),
    Case(
        "ids in capitals",
        200,
        path="/channels/$upper_connected_channel/access-by-id",
        json={"thing_id": "$upper_connected_thing"},
    ),
    Case("not connected", 403, json={"thing_id": "$thing"}),
    Case("unknown thing", 403, json={"thing_id": "$unknown"}),
    Case("empty id", 403, json={"thing_id": ""}),
    Case("id that is no UUID", 403, json={"thing_id": "nonsense"}),
    Case("another tenant's thing", 403, json={"thing_id": "$foreign_thing"}),
    Case("unknown channel", 403, path="/channels/$unknown/access-by-id"),
    Case("channel that is no UUID", 403, path="/channels/nonsense/access-by-id"),
    *_malformed(),
    *untyped(good=200),
    path="/channels/$connected_channel/access-by-id",
    json={"thing_id": "$connected_thing"},
)

AUTH = [*IDENTIFY, *BY_KEY, *BY_ID]
