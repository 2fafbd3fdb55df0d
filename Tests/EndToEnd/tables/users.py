"""Contract 1.1–1.3 with our decisions: the status of every case of the users service."""

from tables.case import Case, malformed, table, unauthorised, untyped

PASSWORD = "correct horse battery"
REGISTRATION = {"email": "$new_email", "password": PASSWORD}
LOG_IN = {"email": "$email", "password": PASSWORD}
NEW_PASSWORD = {"password": "another horse", "old_password": PASSWORD}


def _email(email: object, status: int, name: str) -> Case:
    return Case(name, status, json={"email": email, "password": PASSWORD})


REGISTER = table(
    "POST /users",
    "users",
    Case("registers", 201),
    Case("with metadata", 201, json={**REGISTRATION, "metadata": {"a": {"b": [1, None]}}}),
    Case("unknown fields are ignored", 201, json={**REGISTRATION, "admin": True}),
    Case("field names in any letter case", 201, json={"EMAIL": "$new_email", "Password": PASSWORD}),
    Case("password of 8 characters", 201, json={**REGISTRATION, "password": "12345678"}),
    Case("password of 1,024 bytes", 201, json={**REGISTRATION, "password": "x" * 1024}),
    Case("password of 8 characters that are no ASCII", 201, json={**REGISTRATION, "password": "пароль漢字"}),
    Case("`null` for the body", 400, body=b"null"),
    Case("empty object", 400, json={}),
    Case("no password", 400, json={"email": "$new_email"}),
    Case("empty password", 400, json={**REGISTRATION, "password": ""}),
    Case("password of 7 characters", 400, json={**REGISTRATION, "password": "1234567"}),
    Case("password over 1,024 bytes", 400, json={**REGISTRATION, "password": "x" * 1025}),
    Case("number for a password", 400, json={**REGISTRATION, "password": 12345678}),
    Case("array for metadata", 400, json={**REGISTRATION, "metadata": []}),
    Case("U+0000 in metadata", 400, json={**REGISTRATION, "metadata": {"a": "\0"}}),
    Case("e-mail already registered", 409, json=LOG_IN),
    _email(None, 400, "no e-mail"),
    _email("", 400, "empty e-mail"),
    _email(7, 400, "number for an e-mail"),
    _email("a@b.c\0", 400, "U+0000 in the e-mail"),
    _email("a@localhost", 400, "e-mail: no dot in the domain"),
    _email("a@.com", 400, "e-mail: nothing before the dot"),
    _email("a@com.", 400, "e-mail: nothing after the dot"),
    _email("@example.com", 400, "e-mail: nothing before @"),
    _email("example.com", 400, "e-mail: no @"),
    _email(".a@example.com", 400, "e-mail: dot at the start"),
    _email("a.@example.com", 400, "e-mail: dot at the end of the local part"),
    _email("a..b@example.com", 400, "e-mail: two dots in a row"),
    _email("a b@example.com", 400, "e-mail: blank"),
    _email("a@exa mple.com", 400, "e-mail: blank in the domain"),
    _email("é@example.com", 400, "e-mail: local part that is no ASCII"),
    _email("a" * 65 + "@example.com", 400, "e-mail: local part over 64 bytes"),
    _email("a@" + "b" * 250 + ".com", 400, "e-mail: over 254 bytes"),
    _email("$new_local!#$%&'*+/=?^_{|}~-`@example.com", 201, "e-mail: every allowed sign"),
    _email("$new_local@é.com", 201, "e-mail: domain that is no ASCII"),
    _email("$new_local@b..com", 201, "e-mail: two dots in the domain"),
    *malformed(),
    *untyped(good=201),
    json=REGISTRATION,
)

LOG_IN_CASES = table(
    "POST /tokens",
    "users",
    Case("logs in", 201),
    Case("wrong password", 403, json={**LOG_IN, "password": "not the password"}),
    Case("wrong password, shorter than any may be", 403, json={**LOG_IN, "password": "x"}),
    Case("unknown e-mail", 403, json={**LOG_IN, "email": "$new_email"}),
    Case("e-mail in capitals", 403, json={**LOG_IN, "email": "$upper_email"}),
    Case("`null` for the body", 400, body=b"null"),
    Case("empty object", 400, json={}),
    Case("no password", 400, json={"email": "$email"}),
    Case("empty password", 400, json={**LOG_IN, "password": ""}),
    Case("no e-mail", 400, json={"password": PASSWORD}),
    Case("e-mail that is none", 400, json={**LOG_IN, "email": "nobody"}),
    Case("array for a password", 400, json={**LOG_IN, "password": []}),
    *malformed(),
    *untyped(good=201),
    json=LOG_IN,
)

VIEW = table(
    "GET /users",
    "users",
    Case("shows the account", 200, shows={"email": "$email"}),
    Case("Bearer scheme", 200, token="Bearer $token", shows={"email": "$email"}),
    Case("token of a removed account", 403, token="$removed_token"),
    Case("token older than the password", 403, token="$outdated_token"),
    *unauthorised(),
    token="$token",
)

UPDATE = table(
    "PUT /users",
    "users",
    Case("replaces the metadata", 200),
    Case("no content type", 200, type=None),
    Case("empty object clears the metadata", 200, json={}),
    Case("`null` clears the metadata", 200, body=b"null"),
    Case("other fields are ignored", 200, json={"email": "a@example.com", "password": "x"}),
    Case("array for metadata", 400, json={"metadata": []}),
    Case("U+0000 in metadata", 400, json={"metadata": {"a\0": 1}}),
    *malformed(),
    *unauthorised(),
    token="$token",
    json={"metadata": {"a": 1}},
)

CHANGE_PASSWORD = table(
    "PATCH /password",
    "users",
    Case("changes the password", 201),
    Case("a token in the body is ignored", 201, json={**NEW_PASSWORD, "token": "nonsense"}),
    Case("no new password", 400, json={"old_password": PASSWORD}),
    Case("new password too short", 400, json={**NEW_PASSWORD, "password": "1234567"}),
    Case("new password over 1,024 bytes", 400, json={**NEW_PASSWORD, "password": "x" * 1025}),
    Case("number for a password", 400, json={**NEW_PASSWORD, "password": 1}),
    Case("old password wrong", 403, json={**NEW_PASSWORD, "old_password": "not the password"}),
    Case("no old password", 403, json={"password": "another horse"}),
    *malformed(),
    *unauthorised(),
    *untyped(good=201),
    token="$disposable_token",
    json=NEW_PASSWORD,
)

REMOVE = table(
    "DELETE /users",
    "users",
    Case("removes the account", 204, token="$disposable_token"),
    Case("already removed", 403, token="$removed_token"),
    *unauthorised(),
    token="$token",
)

# Run against a server with its limits on, by test_limits.py.
LIMITED = (
    table(
        "POST /users",
        "users",
        Case("too many registrations", 429),
        json=REGISTRATION,
        answers={"Retry-After": "[1-9][0-9]*"},
    )
    + table(
        "POST /tokens",
        "users",
        Case("too many log-ins", 429),
        json=LOG_IN,
        answers={"Retry-After": "[1-9][0-9]*"},
    )
    + table(
        "PATCH /password",
        "users",
        Case("too many guesses at the old password", 429),
        answers={"Retry-After": "[1-9][0-9]*"},
    )
)

USERS = [*REGISTER, *LOG_IN_CASES, *VIEW, *UPDATE, *CHANGE_PASSWORD, *REMOVE]
