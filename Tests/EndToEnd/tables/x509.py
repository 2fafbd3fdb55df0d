"""Client certificates: what every kind of one, and every key shown beside it, is answered with on every protocol.

`$names` stand for the ids and keys of the test's things: `$id` and `$key` of the one that the good certificate names,
`$other_id` and `$other_key` of another tenant's.
"""

import dataclasses

HTTP, WS = "HTTP", "WS"
TCP = ("MQTT 3.1.1", "MQTT 5")
OVER_WS = ("MQTT 3.1.1 over WS", "MQTT 5 over WS")
NEW = ("MQTT 5", "MQTT 5 over WS")
MQTT = (*TCP, *OVER_WS)
PROTOCOLS = (HTTP, WS, *MQTT)

# --- in the handshake ------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Alert:
    """A certificate that ends the handshake: with which alert (RFC 8446 section 6.2), counted under which reason."""

    name: str
    number: dict[str, int]
    reason: str

    def __str__(self) -> str:
        return self.name


def _alert(name: str, number: int, reason: str, old: int | None = None) -> Alert:
    return Alert(name, {"TLS 1.2": old or number, "TLS 1.3": number}, reason)


# Where clients come in, and the `listener` label of what is counted there.
LISTENERS = {"http": "http-adapter", "ws": "ws-adapter", "mqtts": "mqtt-adapter", "mqttws": "mqtt-adapter-ws"}

ALERTS = [
    _alert("no certificate", 116, "no_certificate", old=40),
    _alert("foreign CA", 48, "untrusted_certificate"),
    _alert("foreign CA of the same name", 48, "untrusted_certificate"),
    _alert("self-signed", 48, "untrusted_certificate"),
    _alert("signed by a thing", 48, "untrusted_certificate"),
    _alert("signed by an intermediate CA that isn't sent", 48, "untrusted_certificate"),
    _alert("expired", 45, "expired_certificate"),
    _alert("not yet valid", 45, "not_yet_valid_certificate"),
    _alert("for servers", 43, "untrusted_certificate"),
]

# --- in the protocol -------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a client with a trusted certificate shows beside it, and is answered: a status, or CONNACK's code."""

    protocol: str
    certificate: str
    shown: dict[str, str]  # By where: header, query; user, password.
    code: int
    reason: str | None  # None: it is let in.

    def __str__(self) -> str:
        beside = "".join(f", {where} {value!r}" for where, value in self.shown.items())
        return f"{self.protocol}: {self.certificate}{beside} -> {self.code}"


LET_IN = {HTTP: 202, WS: 101, **dict.fromkeys(MQTT, 0)}
FORBIDDEN = {HTTP: 403, WS: 403, **dict.fromkeys(MQTT, 5), **dict.fromkeys(NEW, 0x87)}
IN_HANDSHAKE = dict.fromkeys(OVER_WS, 403)
OTHER_USER = {**dict.fromkeys(MQTT, 4), **dict.fromkeys(NEW, 0x86)}


def _rows(
    certificate: str,
    reason: str | None = None,
    on: tuple[str, ...] = PROTOCOLS,
    codes: dict[str, int] | None = None,
    **shown: str,
) -> list[Answer]:
    codes = codes or (FORBIDDEN if reason else LET_IN)
    return [Answer(each, certificate, shown, codes[each], reason) for each in on]


ALONE = [
    *_rows("good"),
    *_rows("good, RSA"),
    *_rows("good, the CN a PrintableString"),
    *_rows("good, without extended key usage"),
    *_rows("good, signed by an intermediate CA"),
    *_rows("good, the CN with comma and equals"),
    *_rows("good, the CN with every sign"),
    *_rows("good, the CN of 64 characters"),
    *_rows("CN of nobody", "unknown_key"),
    *_rows("CN of a removed thing", "unknown_key"),
    *_rows("CN that was the key before", "unknown_key"),
    *_rows("CN in capitals", "unknown_key"),
    *_rows("CN with more behind a comma", "unknown_key"),
    *_rows("CN with a blank behind", "unknown_key"),
    *_rows("CN with U+0000 behind", "unknown_key"),
    *_rows("CN too short for a key", "unknown_key"),
    *_rows("empty CN", "unknown_key"),
    *_rows("no CN", "no_common_name"),
    *_rows("two CNs", "several_common_names"),
    *_rows("the same CN twice", "several_common_names"),
    *_rows("two CNs in one relative name", "several_common_names"),
    *_rows("other thing", "not_authorized", on=(HTTP, WS)),
]

# A good key beside it heals no certificate.
HEADER, QUERY, PASSWORD = {"header": "$key"}, {"query": "$key"}, {"user": "$id", "password": "$key"}
NOT_HEALED = [
    row
    for certificate, reason in (
        ("CN of nobody", "key_mismatch"),
        ("CN in capitals", "key_mismatch"),
        ("no CN", "no_common_name"),
        ("two CNs", "several_common_names"),
        ("other thing", "key_mismatch"),
    )
    for row in (
        *_rows(certificate, reason, on=(HTTP, WS), **HEADER),
        *_rows(certificate, reason, on=(WS,), **QUERY),
        *_rows(certificate, reason, on=MQTT, **PASSWORD),
    )
]

EQUAL = ("$key", "Thing $key", "Bearer $key", "thing $key", "")
UNEQUAL = ("$other_key", "Thing $other_key", "Bearer $other_key", "$upper_key", "Basic $key", "$key$key", "no")
BESIDE_HTTP = [
    *(_rows("good", on=(HTTP, WS), header=each) for each in EQUAL),
    *(_rows("good", "key_mismatch", on=(HTTP, WS), header=each) for each in UNEQUAL),
]
BESIDE_WS = [
    _rows("good", on=(WS,), query="$key"),
    _rows("good", on=(WS,), query="$escaped_key"),
    _rows("good", on=(WS,), query=""),
    _rows("good", on=(WS,), header="$key", query="$key"),
    _rows("good", on=(WS,), header="", query="$key"),
    _rows("good", "key_mismatch", on=(WS,), query="$other_key"),
    _rows("good", "key_mismatch", on=(WS,), query="$upper_key"),
    _rows("good", "key_mismatch", on=(WS,), query="$key&authorization=$other_key"),
    _rows("good", "key_mismatch", on=(WS,), header="$key", query="$other_key"),
    _rows("good", "key_mismatch", on=(WS,), header="$other_key", query="$key"),
    _rows("good", "key_mismatch", on=(WS,), header="", query="$other_key"),
]
BESIDE_MQTT = [
    _rows("good", on=MQTT, user="$id", password="$key"),
    _rows("good", on=MQTT, user="$id"),
    _rows("good", on=NEW, password="$key"),
    _rows("good", "key_mismatch", on=MQTT, user="$id", password="$other_key"),
    _rows("good", "key_mismatch", on=MQTT, user="$id", password="$upper_key"),
    _rows("good", "key_mismatch", on=MQTT, user="$id", password="no"),
    _rows("good", "key_mismatch", on=MQTT, user="$other_id", password="$other_key"),
    _rows("good", "key_mismatch", on=NEW, password="$other_key"),
    _rows("good", "not_authorized", on=MQTT, codes=OTHER_USER, user="$other_id", password="$key"),
    _rows("good", "not_authorized", on=MQTT, codes=OTHER_USER, user="$other_id"),
    _rows("good", "not_authorized", on=MQTT, codes=OTHER_USER, user="nobody"),
    _rows("other thing", "not_authorized", on=MQTT, codes=OTHER_USER, user="$id"),
    _rows("other thing", on=MQTT, user="$other_id", password="$other_key"),
]
BESIDE_OVER_WS = [
    _rows("good", on=OVER_WS, header="$key"),
    _rows("good", on=OVER_WS, header="Thing $key"),
    _rows("good", on=OVER_WS, query="$key"),
    _rows("good", on=OVER_WS, header="$key", query="$key", user="$id", password="$key"),
    _rows("good", "key_mismatch", on=OVER_WS, codes=IN_HANDSHAKE, header="$other_key"),
    _rows("good", "key_mismatch", on=OVER_WS, codes=IN_HANDSHAKE, query="$other_key"),
    _rows("good", "key_mismatch", on=OVER_WS, codes=IN_HANDSHAKE, query="$key&authorization=$other_key"),
    _rows("good", "key_mismatch", on=OVER_WS, codes=IN_HANDSHAKE, header="$key", query="$other_key"),
    _rows("good", "key_mismatch", on=OVER_WS, codes=IN_HANDSHAKE, header="$other_key", query="$key"),
    _rows("good", "key_mismatch", on=OVER_WS, header="$key", user="$id", password="$other_key"),
]
BESIDE = [row for rows in (*BESIDE_HTTP, *BESIDE_WS, *BESIDE_MQTT, *BESIDE_OVER_WS) for row in rows]

ANSWERS = [*ALONE, *NOT_HEALED, *BESIDE]
