"""Things that the table of certificates names, and clients of every protocol that show what it says."""

import functools
import string
import uuid

from support import raw_mqtt as mqtt
from support.api import Account
from support.exchange import judge_error
from support.hearing import Hearing
from support.listeners import topic
from support.mqtt_over_ws import FramedSocket
from support.pki import PRINTABLE, SERVER, days
from support.raw_http import RawHTTP, request
from support.raw_mqtt import RawMQTT
from support.raw_ws import BINARY, RawWS, frame
from support.tls import context, secured
from tables.x509 import HTTP, MQTT, OVER_WS, WS, Answer

SIGNS = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"


class Things:
    """The things of the table, their certificates, and a listener of their channel."""

    def __init__(self, server, pki):
        self.server, self.pki = server, pki
        self.account, other = Account(server), Account(server)
        self.channel, self.thing, listener = self.account.pair()
        self.other_channel, self.other, _ = other.pair()
        self.names = {
            "id": self.thing.id,
            "key": self.thing.key,
            "upper_key": self.thing.key.upper(),
            "escaped_key": "".join(f"%{byte:02X}" for byte in self.thing.key.encode()),
            "other_id": self.other.id,
            "other_key": self.other.key,
        }
        self.hearing = Hearing(server, pki, self.channel, listener)

    def client(self, pair, version=None):
        return context(self.pki.ca, pair, version)

    def connected(self, key: str):
        thing = self.account.thing(key=key)
        self.account.connect(self.channel, thing)
        return thing

    def removed(self) -> str:
        thing = self.account.thing()
        self.account.connect(self.channel, thing)
        self.account.remove_thing(thing)
        return thing.key

    def former(self) -> str:
        thing = self.account.thing()
        self.account.connect(self.channel, thing)
        self.account.change_key(thing, uuid.uuid4().hex)
        return thing.key

    @functools.cache
    def certificate(self, name: str):
        """What the table calls by this name."""
        pki, key, other = self.pki, self.thing.key, self.other.key
        return {
            "good": lambda: pki.thing(key),
            "good, RSA": lambda: pki.thing(key, "KEY_TYPE=rsa"),
            "good, the CN a PrintableString": lambda: pki.signed(key, kind=PRINTABLE),
            "good, without extended key usage": lambda: pki.signed(key, purpose=None),
            "good, signed by an intermediate CA": lambda: pki.signed(key, by=pki.intermediate()),
            "good, the CN with comma and equals": lambda: pki.thing(self.connected("a=b,CN=c+d=e,").key),
            "good, the CN with every sign": lambda: pki.thing(self.connected(SIGNS).key),
            "good, the CN of 64 characters": lambda: pki.thing(self.connected("k" * 64).key),
            "other thing": lambda: pki.thing(other),
            "CN of nobody": lambda: pki.signed(str(uuid.uuid4())),
            "CN of a removed thing": lambda: pki.signed(self.removed()),
            "CN that was the key before": lambda: pki.signed(self.former()),
            "CN in capitals": lambda: pki.signed(key.upper()),
            "CN with more behind a comma": lambda: pki.signed(f"{key},x"),
            "CN with a blank behind": lambda: pki.signed(f"{key} "),
            "CN with U+0000 behind": lambda: pki.signed(f"{key}\0.example"),
            "CN too short for a key": lambda: pki.signed("seven77"),
            "empty CN": lambda: pki.signed(""),
            "no CN": lambda: pki.signed(),
            "two CNs": lambda: pki.signed(key, other),
            "the same CN twice": lambda: pki.signed(key, key),
            "two CNs in one relative name": lambda: pki.signed(key, other, together=True),
            "no certificate": lambda: None,
            "foreign CA": lambda: pki.signed(key, by=pki.stranger("Foreign CA")),
            "foreign CA of the same name": lambda: pki.signed(key, by=pki.stranger()),
            "self-signed": lambda: pki.self_signed(key),
            "signed by a thing": lambda: pki.signed(key, by=pki.signer(pki.signed(other))),
            "signed by an intermediate CA that isn't sent": lambda: pki.signed(key, by=pki.intermediate(sent=False)),
            "expired": lambda: pki.signed(key, begin=days(-2), end=days(-1)),
            "not yet valid": lambda: pki.signed(key, begin=days(1), end=days(2)),
            "for servers": lambda: pki.signed(key, purpose=SERVER),
        }[name]()

    def heard(self, *awaited: bytes) -> list[bytes]:
        return self.hearing.heard(*awaited)

    def show(self, case: Answer, version=None) -> tuple[int, list[bytes], bytes]:
        """The answer to one line of the table; what was heard then, and what would have been."""
        client = self.client(self.certificate(case.certificate), version)
        shown = {where: string.Template(value).substitute(self.names) for where, value in case.shown.items()}
        payload = uuid.uuid4().bytes
        of_the_other = case.certificate == "other thing" and case.reason is None
        channel = self.other_channel if of_the_other else self.channel
        code = CLIENTS[case.protocol](self.server, client, channel, payload, shown)
        expected = payload if case.reason is None and not of_the_other else b""
        return code, self.heard(*([expected] if expected and code == case.code else [])), expected


def target(server, listener: str, channel: str) -> str:
    return f"{server.prefix(listener)}/channels/{channel}/messages"


def _headers(shown: dict[str, str]) -> list[str]:
    return [f"Authorization: {shown['header']}"] if "header" in shown else []


def _query(shown: dict[str, str]) -> str:
    return f"?authorization={shown['query']}" if "query" in shown else ""


def over_http(server, client, channel, payload, shown) -> int:
    with RawHTTP(secured(server, "http", client)) as http:
        answer = http.send(request("POST", target(server, "http", channel), *_headers(shown), body=payload)).answer()
    if answer.status >= 400:
        judge_error(answer.status, answer)
    return answer.status


def _over_ws(server, client, channel, payload, shown) -> int:
    path = target(server, "ws", channel) + _query(shown)
    socket = RawWS(secured(server, "ws", client), path, *_headers(shown))
    try:
        if socket.answer.status == 101:
            socket.send(frame(BINARY, payload) + frame(8, b"\x03\xe8")).close_code()
        return socket.answer.status
    finally:
        socket.socket.close()


def _over_mqtt(number: int, is_framed: bool, server, client, channel, payload, shown) -> int:
    if is_framed:
        framed = FramedSocket(secured(server, "mqttws", client), *_headers(shown), target=f"/mqtt{_query(shown)}")
        if framed.answer.status != 101:
            framed.close()
            return framed.answer.status
    with RawMQTT(framed if is_framed else secured(server, "mqtts", client), number) as raw:
        raw.send(mqtt.connect(uuid.uuid4().hex[:20], shown.get("user"), shown.get("password"), number))
        answer = raw.packet()
        assert answer.kind == mqtt.CONNACK
        if answer.body[1] == 0:
            assert raw.send(mqtt.publish(topic(channel), payload, 1, version=number)).packet().kind == mqtt.PUBACK
        else:
            assert raw.packets_until_closed() == []
        return answer.body[1]


CLIENTS = {
    HTTP: over_http,
    WS: _over_ws,
    **{name: functools.partial(_over_mqtt, 5 if "5" in name else 4, name in OVER_WS) for name in MQTT},
}
