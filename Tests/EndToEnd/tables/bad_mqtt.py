"""MQTT packets of every malformed kind. All end the connection; MQTT 5 is told why."""

import dataclasses

from support import raw_mqtt as m
from tables.http_adapter import LIMIT

MALFORMED, PROTOCOL = 0x81, 0x82
EITHER = frozenset({MALFORMED, PROTOCOL})
BASE = "channels/00000000-0000-4000-8000-000000000000/messages"


@dataclasses.dataclass(frozen=True)
class Bad:
    name: str
    data: bytes
    version: int = 4
    reasons: frozenset[int] = EITHER  # Of the DISCONNECT, in MQTT 5.

    def __str__(self) -> str:
        return f"MQTT {self.version}: {self.name}"


def _connect(
    flags: int, *fields: bytes, version: int = 4, keep_alive: bytes = b"\0\x3c", name: bytes = b"MQTT"
) -> bytes:
    middle = b"\0" if version == 5 else b""
    return m.packet(m.CONNECT, m.text(name) + bytes([version, flags]) + keep_alive + middle + b"".join(fields))


def _first(version: int) -> list[Bad]:
    """What comes in place of a CONNECT, or is one, and is wrong."""
    c, t = "c", m.text
    cases = {
        "an HTTP request": b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "a TLS hello": b"\x16\x03\x01\x02\x00\x01\x00",
        "nothing but zeros": b"\0" * 64,
        "nothing but ones": b"\xff" * 64,
        "a PUBLISH first": m.publish(BASE, b"a", version=version),
        "a PINGREQ first": m.packet(m.PINGREQ),
        "a SUBSCRIBE first": m.subscribe(BASE, version=version),
        "a DISCONNECT first": m.packet(m.DISCONNECT),
        "a CONNACK first": m.packet(m.CONNACK, b"\0\0"),
        "CONNECT with reserved flags": bytes([0x11]) + m.connect(version=version)[1:],
        "empty CONNECT": m.packet(m.CONNECT),
        "unknown protocol name": _connect(2, t(c), version=version, name=b"XMTP"),
        "empty protocol name": _connect(2, t(c), version=version, name=b""),
        "name in lower case": _connect(2, t(c), version=version, name=b"mqtt"),
        "name longer than the packet": m.packet(m.CONNECT, b"\xff\xffMQTT\x04\x02\0\x3c\0\x01c"),
        "reserved connect flag": _connect(3, t(c), version=version),
        "will flags without a will": _connect(0x1A, t(c), version=version),
        "will retain without a will": _connect(0x22, t(c), version=version),
        "will QoS 3": _connect(0x1E, t(c), *([b"\0"] if version == 5 else []), t("a"), t("b"), version=version),
        "will without a topic": _connect(0x06, t(c), version=version),
        "will topic with a wildcard": m.connect(c, "u", "p", version, will=("a/#", b"")),
        "will topic with U+0000": m.connect(c, "u", "p", version, will=("a\0", b"")),
        "no client id field": _connect(2, version=version),
        "client id that is no UTF-8": m.connect(b"\xff", "u", "p", version),
        "client id with U+0000": m.connect(b"a\0b", "u", "p", version),
        "client id with a surrogate": m.connect(b"\xed\xa0\x80", "u", "p", version),
        "client id longer than the packet": _connect(2, b"\xff\xffc", version=version),
        "user name that is missing": _connect(0x82, t(c), version=version),
        "password that is missing": _connect(0xC2, t(c), t("u"), version=version),
        "user name that is no UTF-8": _connect(0x82, t(c), t(b"\xc0\x80"), version=version),
        "bytes behind the last field": m.connect(c, "u", "p", version, tail=b"x"),
        "length of five bytes": bytes([0x10, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F]),
        "length over the limit": bytes([0x10, 0xFF, 0xFF, 0xFF, 0x7F]),
        "CONNECT of a megabyte": m.connect("c" * 60_000, "u" * 60_000, "p" * 60_000, version, tail=b"x" * (1 << 20)),
    }
    if version == 4:
        cases["password without a user name"] = _connect(0x42, t(c), t("p"))
    else:
        given = {
            "unknown property": b"\x7f\0",
            "property of another packet": b"\x01\0",
            "session expiry twice": b"\x11\0\0\0\1" * 2,
            "receive maximum 0": b"\x21\0\0",
            "maximum packet size 0": b"\x27\0\0\0\0",
            "authentication data alone": b"\x16\0\1a",
            "request problem information 2": b"\x17\2",
            "property cut short": b"\x11\0",
        }
        cases |= {name: m.connect(c, "u", "p", 5, properties=data) for name, data in given.items()}
        cases["property length longer than the packet"] = m.packet(m.CONNECT, t("MQTT") + b"\5\2\0\x3c\x7f\x11")
    return [Bad(name, data, version) for name, data in cases.items()]


def _after(version: int) -> list[Bad]:
    """What comes after a good CONNECT."""
    v5 = b"\0" if version == 5 else b""
    publish = lambda topic, *rest, **more: m.publish(topic, *rest, version=version, **more)  # noqa: E731
    subscribe = lambda *filters, **more: m.subscribe(*filters, version=version, **more)  # noqa: E731
    cases: dict[str, bytes | tuple[bytes, frozenset[int]]] = {
        "a second CONNECT": m.connect("again", "u", "p", version),
        "packet type 0": m.packet(0),
        "CONNACK from a client": m.packet(m.CONNACK, b"\0\0" + v5),
        "SUBACK from a client": m.packet(m.SUBACK, b"\0\1" + v5 + b"\0"),
        "UNSUBACK from a client": m.packet(m.UNSUBACK, b"\0\1" + v5),
        "PINGRESP from a client": m.packet(m.PINGRESP),
        "QoS 3": m.packet(m.PUBLISH, m.text(BASE) + b"\0\1" + v5, 6),
        "DUP with QoS 0": m.packet(m.PUBLISH, m.text(BASE) + v5, 8),
        "packet identifier 0": publish(BASE, b"a", 1, 0),
        "no packet identifier": m.packet(m.PUBLISH, m.text(BASE), 2),
        "topic longer than the packet": m.packet(m.PUBLISH, b"\xff\xff" + BASE.encode()),
        "empty PUBLISH": m.packet(m.PUBLISH),
        "empty topic": (publish(""), frozenset({PROTOCOL, 0x90})),
        "topic with `#`": (publish(BASE + "/#"), frozenset({0x90, MALFORMED})),
        "topic with `+`": (publish(BASE + "/+/a"), frozenset({0x90, MALFORMED})),
        "topic with U+0000": publish(BASE + "/\0"),
        "topic that is no UTF-8": publish(BASE.encode() + b"/\xff"),
        "topic with a surrogate": publish(BASE.encode() + b"/\xed\xa0\x80"),
        "topic with overlong UTF-8": publish(BASE.encode() + b"/\xc0\xaf"),
        "SUBSCRIBE without its flags": bytes([0x80]) + subscribe(BASE)[1:],
        "SUBSCRIBE of nothing": subscribe(),
        "SUBSCRIBE with identifier 0": subscribe(BASE, identifier=0),
        "SUBSCRIBE with QoS 3": subscribe(BASE, options=3),
        "SUBSCRIBE with reserved bits": subscribe(BASE, options=0xC0),
        "SUBSCRIBE cut short": m.packet(m.SUBSCRIBE, b"\0\1" + v5 + m.text(BASE), 2),
        "empty SUBSCRIBE": m.packet(m.SUBSCRIBE, b"", 2),
        "filter that is no UTF-8": subscribe(BASE.encode() + b"/\xff"),
        "filter with U+0000": subscribe(BASE + "/\0"),
        "UNSUBSCRIBE of nothing": m.unsubscribe(version=version),
        "UNSUBSCRIBE without its flags": bytes([0xA0]) + m.unsubscribe(BASE, version=version)[1:],
        "UNSUBSCRIBE with identifier 0": m.unsubscribe(BASE, identifier=0, version=version),
        "PUBACK cut short": m.packet(m.PUBACK, b"\0"),
        "PUBACK with flags": m.packet(m.PUBACK, b"\0\1", 2),
        "PUBACK with identifier 0": m.packet(m.PUBACK, b"\0\0"),
        "PUBREL without its flags": m.packet(m.PUBREL, b"\0\1"),
        "PINGREQ with a body": m.packet(m.PINGREQ, b"a"),
        "PINGREQ with flags": m.packet(m.PINGREQ, flags=1),
        "DISCONNECT with flags": m.packet(m.DISCONNECT, flags=1),
        "length of five bytes": bytes([0x30, 0x80, 0x80, 0x80, 0x80, 0x01]),
        "length over the limit": (bytes([0x30, 0xFF, 0xFF, 0xFF, 0x7F]), frozenset({0x95})),
        "payload over the limit": (publish(BASE, b"x" * (LIMIT + 1)), frozenset({0x95})),
        "AUTH": m.packet(m.AUTH),
    }
    if version == 4:
        cases["DISCONNECT with a body"] = m.packet(m.DISCONNECT, b"a")
        cases["PUBACK with more than it holds"] = m.packet(m.PUBACK, b"\0\1\0")
    else:
        properties = {
            "unknown property": b"\x7f",
            "property of another packet": b"\x11\0\0\0\1",
            "payload format 2": b"\1\2",
            "content type twice": b"\3\0\1a\3\0\1b",
            "content type that is no UTF-8": b"\3\0\1\xff",
            "topic alias 0": b"\x23\0\0",
            "topic alias beyond the maximum": b"\x23\xff\xff",
            "subscription identifier": b"\x0b\1",
            "response topic with a wildcard": b"\x08\0\1#",
            "property cut short": b"\3\0\x09a",
            "user property with half a pair": b"\x26\0\1a",
        }
        may = EITHER | {0x94, 0x90}
        cases |= {
            f"PUBLISH: {name}": (publish(BASE, b"a", 1, properties=data), frozenset(may))
            for name, data in properties.items()
        }
        cases["property length of five bytes"] = m.packet(m.PUBLISH, m.text(BASE) + b"\x80\x80\x80\x80\1")
        cases["property length beyond the packet"] = m.packet(m.PUBLISH, m.text(BASE) + b"\x7f")
        cases["retain handling 3"] = subscribe(BASE, options=0x30)
        cases["no local on a shared subscription"] = subscribe("$share/g/" + BASE, options=0x04)
        cases["PUBACK with an unknown reason"] = m.packet(m.PUBACK, b"\0\1\x05")
        cases["DISCONNECT with an unknown reason"] = m.packet(m.DISCONNECT, b"\x05")
        cases["session expiry raised from 0 in DISCONNECT"] = m.packet(m.DISCONNECT, b"\0\5\x11\0\0\0\1")
    return [
        Bad(name, *((data, version) if isinstance(data, bytes) else (data[0], version, data[1])))
        for name, data in cases.items()
    ]


BAD_FIRST = [*_first(4), *_first(5)]
BAD_LATER = [*_after(4), *_after(5)]
