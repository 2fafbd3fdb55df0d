"""Contract section 3: the questions that services ask each other over gRPC, and the code and message of each answer."""

import dataclasses

BY_KEY = "mainflux.ThingsService/CanAccessByKey"
BY_ID = "mainflux.ThingsService/CanAccessByID"
IDENTIFY = "mainflux.ThingsService/Identify"
USERS = "mainflux.UsersService/Identify"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Question:
    """One call. Strings may hold `$name`, as in the tables of HTTP."""

    name: str
    method: str
    asks: dict[str, str] | bytes
    code: str
    message: str = ""
    answers: dict[str, str] | None = None  # Fields that the answer must have; "?": any that isn't empty.

    def __str__(self) -> str:
        return f"{self.method}: {self.name} -> {self.code}"


def granted(method: str, name: str, asks: dict[str, str], **answers: str) -> Question:
    return Question(name=name, method=method, asks=asks, code="OK", answers=answers)


def refused(method: str, name: str, asks: dict[str, str]) -> Question:
    said = "missing or invalid credentials provided"
    return Question(name=name, method=method, asks=asks, code="PERMISSION_DENIED", message=said)


def incomplete(method: str, name: str, asks: dict[str, str]) -> Question:
    said = "received invalid token request" if method == USERS else "received invalid can access request"
    return Question(name=name, method=method, asks=asks, code="INVALID_ARGUMENT", message=said)


def nobody(name: str, token: str) -> Question:
    said = "failed to identify user from token"
    return Question(name=name, method=USERS, asks={"value": token}, code="UNAUTHENTICATED", message=said)


def internal(method: str, name: str, asks: bytes) -> Question:
    return Question(name=name, method=method, asks=asks, code="INTERNAL", message="internal server error")


# A field number and type, a length, and the text: "\x0a" is field 1.
MALFORMED = {
    "a length beyond the end": b"\x0a\x7fshort",
    "a text that is no UTF-8": b"\x0a\x02\xff\xfe",
    "noise": bytes(range(128, 256)),
    "JSON": b'{"value": "text"}',
    "a field number 0": b"\x02\x01a",
    "an endless number": b"\x0a" + b"\xff" * 11,
}

CAN_BY_KEY = [
    granted(
        BY_KEY,
        "connected",
        {"token": "$connected_key", "chanID": "$connected_channel"},
        value="$connected_thing",
        tenant="?",
    ),
    granted(
        BY_KEY,
        "channel in capitals",
        {"token": "$connected_key", "chanID": "$upper_connected_channel"},
        value="$connected_thing",
    ),
    *(
        refused(BY_KEY, name, {"token": "$connected_key", "chanID": "$connected_channel"} | asks)
        for name, asks in {
            "not connected": {"token": "$other_key"},
            "unknown key": {"token": "no-such-key"},
            "key that is too short": {"token": "seven77"},
            "key that is too long": {"token": "k" * 257},
            "key with a blank": {"token": "$connected_key "},
            "key with U+0000": {"token": "$connected_key\0"},
            "key that is no ASCII": {"token": "schlüssel"},
            "key in capitals": {"token": "$upper_connected_key"},
            "id for a key": {"token": "$connected_thing"},
            "key of a removed thing": {"token": "$removed_key"},
            "key that has been changed": {"token": "$former_key"},
            "another tenant's key": {"token": "$foreign_key"},
            "a user's token": {"token": "$token"},
            "unknown channel": {"chanID": "$unknown"},
            "channel that is no UUID": {"chanID": "nonsense"},
            "channel without hyphens": {"chanID": "$bare_connected_channel"},
            "channel with U+0000": {"chanID": "$connected_channel\0"},
            "another channel": {"chanID": "$channel"},
            "another tenant's channel": {"chanID": "$foreign_channel"},
        }.items()
    ),
    incomplete(BY_KEY, "nothing", {}),
    incomplete(BY_KEY, "no key", {"chanID": "$connected_channel"}),
    incomplete(BY_KEY, "no channel", {"token": "$connected_key"}),
    *(internal(BY_KEY, name, asks) for name, asks in MALFORMED.items()),
]

CAN_BY_ID = [
    granted(BY_ID, "connected", {"thingID": "$connected_thing", "chanID": "$connected_channel"}),
    granted(
        BY_ID, "ids in capitals", {"thingID": "$upper_connected_thing", "chanID": "$upper_connected_channel"}
    ),
    *(
        refused(BY_ID, name, {"thingID": "$connected_thing", "chanID": "$connected_channel"} | asks)
        for name, asks in {
            "not connected": {"thingID": "$thing"},
            "unknown thing": {"thingID": "$unknown"},
            "thing that is no UUID": {"thingID": "nonsense"},
            "thing without hyphens": {"thingID": "$bare_connected_thing"},
            "key for an id": {"thingID": "$connected_key"},
            "another tenant's thing": {"thingID": "$foreign_thing"},
            "unknown channel": {"chanID": "$unknown"},
            "channel that is no UUID": {"chanID": "nonsense"},
            "another tenant's channel": {"chanID": "$foreign_channel"},
        }.items()
    ),
    incomplete(BY_ID, "nothing", {}),
    incomplete(BY_ID, "no thing", {"chanID": "$connected_channel"}),
    incomplete(BY_ID, "no channel", {"thingID": "$connected_thing"}),
    *(internal(BY_ID, name, asks) for name, asks in MALFORMED.items()),
]

WHICH_THING = [
    granted(IDENTIFY, "a thing's key", {"value": "$thing_key"}, value="$thing", tenant="?"),
    *(
        refused(IDENTIFY, name, {"value": key})
        for name, key in {
            "empty key": "",
            "unknown key": "no-such-key",
            "key that is too short": "seven77",
            "key that is too long": "k" * 257,
            "id for a key": "$thing",
            "key of a removed thing": "$removed_key",
            "key that has been changed": "$former_key",
            "key with U+0000": "$thing_key\0",
            "a user's token": "$token",
        }.items()
    ),
    *(internal(IDENTIFY, name, asks) for name, asks in MALFORMED.items()),
]

WHICH_USER = [
    granted(USERS, "a token", {"value": "$token"}, value="$email", id="?"),
    granted(USERS, "a token signed again", {"value": "$signed_again_token"}, value="$email", id="?"),
    incomplete(USERS, "empty token", {}),
    *(
        nobody(name, token)
        for name, token in {
            "no token of ours": "nonsense",
            "another signature": "$forged_token",
            "unsigned": "$unsigned_token",
            "expired": "$expired_token",
            "of before the password was changed": "$outdated_token",
            "of an account that was removed": "$removed_token",
            "signed with another secret": "$foreign_secret_token",
            "signed under the name of another algorithm": "$other_algorithm_token",
            "from another issuer": "$other_issuer_token",
            "a thing's key": "$thing_key",
            "with a scheme": "Bearer $token",
            "with U+0000": "$token\0",
            "ten thousand characters": "a" * 10_000,
        }.items()
    ),
    *(internal(USERS, name, asks) for name, asks in MALFORMED.items()),
]

QUESTIONS = [*CAN_BY_KEY, *CAN_BY_ID, *WHICH_THING, *WHICH_USER]

# What no service has, is UNIMPLEMENTED.
UNKNOWN = (
    "mainflux.ThingsService/Unknown",
    "mainflux.ThingsService/canAccessByKey",
    "mainflux.NoService/Identify",
    "ThingsService/Identify",
    "grpc.health.v1.Health/Check",
)
