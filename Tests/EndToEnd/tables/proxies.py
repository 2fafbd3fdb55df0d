"""Trusted proxies: what every kind of peer, and every certificate that it passes on, is answered on every protocol.

A certificate that is passed on is called by the name that `Certificates` has for it.
"""

import dataclasses

HTTP, WS, MQTT, MQTT5 = "HTTP", "WS", "MQTT 3.1.1 over WS", "MQTT 5 over WS"
PROTOCOLS = (HTTP, WS, MQTT, MQTT5)

# The listener of each protocol, and how its refusals are counted.
LISTENERS = {HTTP: "http", WS: "ws", MQTT: "mqttws", MQTT5: "mqttws"}
LABELS = {HTTP: "http", WS: "ws", MQTT: "mqtt", MQTT5: "mqtt"}

# --- who may come in -------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Peer:
    """A peer that ends in the handshake or right behind it, and the reason that is counted."""

    name: str
    reason: str

    def __str__(self) -> str:
        return self.name


SHUT_OUT = [
    Peer("proxy that isn't listed", "unlisted_proxy"),
    Peer("proxy named like a thing's key", "unlisted_proxy"),
    Peer("proxy without a name", "unlisted_proxy"),
    Peer("proxy with two names", "unlisted_proxy"),
    Peer("proxy by a foreign CA", "untrusted_certificate"),
    Peer("proxy by a foreign CA of the same name", "untrusted_certificate"),
    Peer("proxy, self-signed", "untrusted_certificate"),
    Peer("proxy that has expired", "expired_certificate"),
    Peer("proxy that isn't valid yet", "not_yet_valid_certificate"),
    Peer("proxy for servers", "untrusted_certificate"),
    Peer("proxy by an intermediate CA", "untrusted_certificate"),
    Peer("signed by a proxy", "untrusted_certificate"),
    Peer("signed by a thing", "untrusted_certificate"),
    Peer("nobody", "no_certificate"),
]

# --- what is passed on -----------------------------------------------------------------------------------------------

LET_IN = {HTTP: 202, WS: 101, MQTT: 0, MQTT5: 0}
FORBIDDEN = {HTTP: 403, WS: 403, MQTT: 5, MQTT5: 0x87}
IN_HANDSHAKE = dict.fromkeys(PROTOCOLS, 403)
MALFORMED = dict.fromkeys(PROTOCOLS, 400)


@dataclasses.dataclass(frozen=True)
class Passed:
    """What a peer passes on, and what is answered: a status, or CONNACK's code.

    `headers` are templates: `$rfc` is the certificate for `Client-Cert`, `$nginx` for `X-Client-Cert`.
    """

    peer: str
    certificate: str
    headers: tuple[str, ...]
    codes: dict[str, int]
    reason: str | None  # None: it is let in.

    def __str__(self) -> str:
        return f"{self.peer}: {self.certificate} in {len(self.headers)} headers -> {self.reason or 'let in'}"


RFC, NGINX = "Client-Cert: $rfc", "X-Client-Cert: $nginx"


def _both(peer: str, certificate: str, codes: dict[str, int], reason: str | None) -> list[Passed]:
    return [Passed(peer, certificate, (header,), codes, reason) for header in (RFC, NGINX)]


def _from_proxy(certificate: str, codes: dict[str, int], reason: str | None = None) -> list[Passed]:
    return _both("proxy", certificate, codes, reason)


JUDGED = [
    *_from_proxy("good", LET_IN),
    *_from_proxy("good, RSA", LET_IN),
    *_from_proxy("good, without extended key usage", LET_IN),
    *_from_proxy("good, the CN with every sign", LET_IN),
    *_from_proxy("CN of nobody", FORBIDDEN, "unknown_key"),
    *_from_proxy("CN in capitals", FORBIDDEN, "unknown_key"),
    *_from_proxy("CN too short for a key", FORBIDDEN, "unknown_key"),
    *_from_proxy("no CN", FORBIDDEN, "no_common_name"),
    *_from_proxy("two CNs", FORBIDDEN, "several_common_names"),
    *_from_proxy("expired", IN_HANDSHAKE, "expired_certificate"),
    *_from_proxy("not yet valid", IN_HANDSHAKE, "not_yet_valid_certificate"),
    *_from_proxy("for servers", IN_HANDSHAKE, "untrusted_certificate"),
    *_from_proxy("foreign CA", IN_HANDSHAKE, "untrusted_certificate"),
    *_from_proxy("foreign CA of the same name", IN_HANDSHAKE, "untrusted_certificate"),
    *_from_proxy("self-signed", IN_HANDSHAKE, "untrusted_certificate"),
    *_from_proxy("signed by a thing", IN_HANDSHAKE, "untrusted_certificate"),
    *_from_proxy("signed by an intermediate CA", IN_HANDSHAKE, "untrusted_certificate"),
    *_from_proxy("signed by the CA of proxies", IN_HANDSHAKE, "untrusted_certificate"),
    *_from_proxy("the proxy's own", IN_HANDSHAKE, "untrusted_certificate"),
    *_from_proxy("the CA's own", IN_HANDSHAKE, "untrusted_certificate"),
    *_from_proxy("one byte changed", IN_HANDSHAKE, "untrusted_certificate"),
    *_from_proxy("cut off", IN_HANDSHAKE, "untrusted_certificate"),
    *_from_proxy("bytes behind it", IN_HANDSHAKE, "untrusted_certificate"),
    *_from_proxy("no certificate", IN_HANDSHAKE, "untrusted_certificate"),
]


def _headers(codes: dict[str, int], reason: str | None, *headers: str) -> Passed:
    return Passed("proxy", "good", headers, codes, reason)


SPELLED = [
    _headers(LET_IN, None, "client-cert: $rfc"),
    _headers(LET_IN, None, "X-CLIENT-CERT: $nginx"),
    _headers(LET_IN, None, "X-Client-Cert: $pem_with_blanks"),
    _headers(IN_HANDSHAKE, "no_certificate"),
    _headers(IN_HANDSHAKE, "no_certificate", "Client-Cert:"),
    _headers(IN_HANDSHAKE, "no_certificate", "X-Client-Cert:   "),
    _headers(IN_HANDSHAKE, "no_certificate", "X_Client_Cert: $nginx"),
    _headers(IN_HANDSHAKE, "no_certificate", "Client-Cert-Chain: $rfc"),
    _headers(MALFORMED, "bad_certificate_header", RFC, RFC),
    _headers(MALFORMED, "bad_certificate_header", NGINX, NGINX),
    _headers(MALFORMED, "bad_certificate_header", RFC, NGINX),
    _headers(MALFORMED, "bad_certificate_header", NGINX, RFC),
    _headers(MALFORMED, "bad_certificate_header", NGINX, "Client-Cert:"),
    _headers(MALFORMED, "bad_certificate_header", "Client-Cert: $rfc, $rfc"),
    _headers(MALFORMED, "bad_certificate_header", "Client-Cert: $rfc;a=1"),
    _headers(MALFORMED, "bad_certificate_header", "Client-Cert: $nginx"),
    _headers(MALFORMED, "bad_certificate_header", "X-Client-Cert: $rfc"),
    _headers(MALFORMED, "bad_certificate_header", "X-Client-Cert: $nginx$nginx"),
    _headers(MALFORMED, "bad_certificate_header", "X-Client-Cert: $nginx%"),
    _headers(MALFORMED, "bad_certificate_header", "X-Client-Cert: (null)"),
    _headers(MALFORMED, "bad_certificate_header", "X-Client-Cert: %00"),
    _headers(MALFORMED, "bad_certificate_header", "Client-Cert: ::"),
    _headers(MALFORMED, "bad_certificate_header", "Client-Cert: :\u00e9:"),
]

# --- from whom nothing is taken --------------------------------------------------------------------------------------

NO_PROXIES = [
    row
    for peer in ("thing", "thing named like a proxy")
    for row in (
        Passed(peer, "good", (), LET_IN, None),
        *_both(peer, "good", MALFORMED, "unexpected_certificate_header"),
        *_both(peer, "the peer's own", MALFORMED, "unexpected_certificate_header"),
        Passed(peer, "good", ("Client-Cert:",), MALFORMED, "unexpected_certificate_header"),
        Passed(peer, "good", (RFC, NGINX), MALFORMED, "unexpected_certificate_header"),
    )
]

CASES = [*JUDGED, *SPELLED, *NO_PROXIES]
