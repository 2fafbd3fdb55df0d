"""TLS clients: contexts, connections, and the alerts with which a server refuses them."""

import functools
import pathlib
import ssl

from support.pki import Pair
from support.server import Server

TLS12, TLS13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
VERSIONS = {"TLS 1.2": TLS12, "TLS 1.3": TLS13}

# RFC 8446 section 6.2, by the ends of the names that OpenSSL gives its reasons.
ALERTS = {
    "HANDSHAKE_FAILURE": 40,
    "BAD_CERTIFICATE": 42,
    "UNSUPPORTED_CERTIFICATE": 43,
    "CERTIFICATE_REVOKED": 44,
    "CERTIFICATE_EXPIRED": 45,
    "CERTIFICATE_UNKNOWN": 46,
    "UNKNOWN_CA": 48,
    "DECODE_ERROR": 50,
    "DECRYPT_ERROR": 51,
    "PROTOCOL_VERSION": 70,
    "INTERNAL_ERROR": 80,
    "CERTIFICATE_REQUIRED": 116,
}


@functools.lru_cache(maxsize=None)
def context(ca: pathlib.Path, pair: Pair | None = None, version: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    made = ssl.create_default_context(cafile=str(ca))
    if version:
        made.minimum_version = made.maximum_version = version
    if pair:
        made.load_cert_chain(pair.certificate, pair.key)
    return made


def secured(
    server: Server,
    listener: str,
    client: ssl.SSLContext,
    session: ssl.SSLSession | None = None,
    timeout: float = 5,
) -> ssl.SSLSocket:
    """A connection on which the handshake is over for the client. In TLS 1.3 the server may still refuse it: the client
    learns of that when it first reads."""
    return client.wrap_socket(server.connect(listener, timeout), server_hostname="localhost", session=session)


def alert_of(error: ssl.SSLError) -> int:
    """The number of the alert that the server has sent."""
    reason = str(error.reason or error).upper().replace(" ", "_")
    found = [number for name, number in ALERTS.items() if "ALERT" in reason and name in reason]
    assert len(found) == 1, f"no alert of the server: {error!r}"
    return found[0]


def refusal(server: Server, listener: str, client: ssl.SSLContext, session: ssl.SSLSession | None = None) -> int | None:
    """The alert with which the server ends the handshake; None if it just closes."""
    try:
        with secured(server, listener, client, session) as connection:
            assert connection.recv(1) == b"", "let in"
    except ssl.SSLError as error:
        return alert_of(error)
    except ConnectionResetError:
        pass
    return None
