"""What one row of a status table says: plain data, so that tests can run it and compare it with the documents."""

import dataclasses
import typing

UNSET: typing.Any = object()


@dataclasses.dataclass(frozen=True)
class Case:
    """A request and the status it must be answered with.

    Strings may hold `$name`: the test puts in what the attribute `name` of its world says (support/world.py).
    """

    name: str
    status: int
    operation: str = UNSET  # "POST /things": the method and path as the OpenAPI file names them.
    listener: str = UNSET
    path: str = UNSET  # Without it: the operation's path.
    query: str = UNSET
    token: str | None = UNSET  # The Authorization header.
    json: typing.Any = UNSET
    body: bytes | None = UNSET  # Instead of json.
    type: str | None = UNSET  # The Content-Type.
    headers: dict[str, str] = UNSET
    shows: dict[str, typing.Any] | None = UNSET  # Members that the answer's JSON object must have.
    answers: dict[str, str] | None = UNSET  # Patterns that the answer's headers must match.

    def __str__(self) -> str:
        return f"{self.operation}: {self.name} -> {self.status}"


def table(operation: str, listener: str, *cases: Case, **defaults) -> list[Case]:
    """The rows of one operation; what a row leaves open is taken from the defaults."""
    usual = {
        "operation": operation,
        "listener": listener,
        "query": "",
        "token": None,
        "json": UNSET,
        "body": None,
        "type": UNSET,
        "headers": {},
        "shows": None,
        "answers": None,
        **defaults,
    }
    rows = []
    for case in cases:
        own = case.operation if case.operation is not UNSET else operation
        open_fields = {"path": own.split(" ")[-1], **usual}
        rows.append(
            dataclasses.replace(
                case,
                **{
                    name: value
                    for name, value in open_fields.items()
                    if getattr(case, name) is UNSET and value is not UNSET
                },
            )
        )
    return rows


def malformed(depth: int = 100_000, limit: int = 1 << 20, **more) -> tuple[Case, ...]:
    """The refusals that every operation with a JSON body shares; only the last row is over the body's limit."""
    return (
        Case("empty body", 400, body=b"", **more),
        Case("broken JSON", 400, body=b'{"name":', **more),
        Case("text after the JSON value", 400, body=b"{} {}", **more),
        Case("an array for an object", 400, json=[], **more),
        Case("a string for an object", 400, json="text", **more),
        Case("a body that is no UTF-8", 400, body=b'{"name":"\xff"}', **more),
        Case("nested deeply", 400, body=b'{"metadata":' + b'{"a":' * depth + b"1" + b"}" * (depth + 1), **more),
        Case("arrays nested deeply", 400, body=b"[" * depth, **more),
        Case("a body over the limit", 413, body=b'[{"name":"' + b"x" * limit + b'"}]', **more),
    )


def untyped(good: int, **more) -> tuple[Case, ...]:
    """The refusals that every operation with a content-type check shares."""
    return (
        Case("no content type", 415, type=None, **more),
        Case("another content type", 415, type="text/plain", **more),
        Case("content type with a charset", good, type="application/json; charset=utf-8", **more),
    )


def unauthorised(**more) -> tuple[Case, ...]:
    """The refusals that every operation with a user token shares."""
    return (
        Case("no token", 403, token=None, **more),
        Case("empty token", 403, token="", **more),
        Case("no token of ours", 403, token="nonsense", **more),
        Case("token with another signature", 403, token="$forged_token", **more),
        Case("unsigned token", 403, token="$unsigned_token", **more),
        Case("a thing key for a token", 403, token="$thing_key", **more),
        Case("another scheme", 403, token="Thing $token", **more),
        Case("Basic scheme", 403, token="Basic $token", **more),
        Case("two Authorization headers", 400, headers={"authorization": "$token"}, **more),
    )


def statuses(*tables: list[Case]) -> dict[str, set[int]]:
    """The statuses that the rows exercise, by operation."""
    found: dict[str, set[int]] = {}
    for case in (case for rows in tables for case in rows):
        found.setdefault(case.operation, set()).add(case.status)
    return found
