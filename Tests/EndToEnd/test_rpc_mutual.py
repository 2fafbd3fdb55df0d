"""gRPC that asks for certificates, and NATS that does: the programs show theirs, and nobody gets in without."""

import ssl
import time

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from support.api import Account, publish_http
from support.engines import NATS
from support.lists import replace
from support.programs import SeparatePrograms
from support.tls import TLS12, context, refusal

CLIENTS = ("MF_THINGS", "MF_HTTP_ADAPTER", "MF_WS_ADAPTER", "MF_MQTT_ADAPTER")
LISTENERS = ("users-grpc", "things-grpc")


def _await(holds, within: float = 20) -> None:
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)  # Polling is the only way to learn of it.


@pytest.fixture(scope="module")
def authority(pki, tmp_path_factory):
    """Who signs for the programs, and the file that says so."""
    signer, path = pki.stranger("Services' CA"), tmp_path_factory.mktemp("authority") / "services.crt"
    replace(path, signer.certificate.public_bytes(Encoding.PEM))
    return signer, path


@pytest.fixture(scope="module")
def running(program, pki, authority, tmp_path_factory):
    """The second copies of the adapters show nothing."""
    signer, path = authority
    pair = pki.signed("program", by=signer)
    tls = {"--tlscacert": path, "--tlscert": pki.server.certificate, "--tlskey": pki.server.key}
    nats = NATS(options=("--tlsverify", *(str(each) for option in tls.items() for each in option)))
    shown = {f"{prefix}_CLIENT_CERT": str(pair.certificate) for prefix in (*CLIENTS, "MF_NATS")}
    shown |= {f"{prefix}_CLIENT_KEY": str(pair.key) for prefix in (*CLIENTS, "MF_NATS")}
    trust = {f"{prefix}_CA_CERTS": str(pki.ca) for prefix in (*CLIENTS, "MF_NATS")}
    asked = {f"{prefix}_CLIENT_CA_CERTS": str(path) for prefix in ("MF_USERS", "MF_THINGS")}
    pairs = pki.variables("MF_USERS", "MF_THINGS")
    made = SeparatePrograms(
        tmp_path_factory.mktemp("mutual"),
        copies=2,
        ca=pki.ca,
        nats=nats,
        MF_TLS_MIN_VERSION="1.3",
        **{**pairs, **trust, **asked, **shown},
    )
    for each in made.programs:
        each.variables["MF_NATS_URL"] = f"tls://localhost:{nats.port}"
    mistaken = [copies[1] for copies in made.adapters.values()]
    for each in mistaken:
        for half in ("CERT", "KEY"):
            del each.variables[f"MF_{each.kind.upper().replace('-', '_')}_CLIENT_{half}"]
    try:
        for engine in (made.postgres, made.nats):
            engine.start()
        for each in made.programs:
            each.launch()
        for each in made.programs:
            if each not in mistaken:
                each.await_ready()
        yield made
        made.check()
        assert set(made.stop().values()) == {0}
    finally:
        made.end()


def _client(pki, pair=None) -> ssl.SSLContext:
    made = ssl.create_default_context(cafile=str(pki.ca))
    made.set_alpn_protocols(["h2"])
    if pair:
        made.load_cert_chain(pair.certificate, pair.key)
    return made


def _refused(program, listener: str, reason: str) -> float:
    return program.metrics().get(f'fluxgate_tls_refused_total{{listener="{listener}",reason="{reason}"}}', 0)


def test_who_shows_a_certificate_is_served(running):
    view = running.view()
    channel, thing, _ = Account(view).pair()
    assert publish_http(view, channel, thing.key, b"x") == 202


def test_who_shows_none_isnt_served_and_says_whom_it_lacks(running):
    for copies in running.adapters.values():
        _await(lambda: copies[1].down() == ["things"])  # noqa: B023


def test_nobody_else_gets_in(running, pki, authority):
    view = running.view()
    good, foreign = pki.signed("program", by=authority[0]), pki.signed("program")
    for listener in LISTENERS:
        owner = view.program(listener.split("-", maxsplit=1)[0])
        before = _refused(owner, listener, "untrusted_certificate")
        assert refusal(view, listener, _client(pki)) is not None
        assert refusal(view, listener, _client(pki, foreign)) is not None
        _await(lambda: _refused(owner, listener, "untrusted_certificate") == before + 1)  # noqa: B023
        with pytest.raises(AssertionError, match="let in"):
            refusal(view, listener, _client(pki, good))
    # The REST API of the same program asks for none.
    assert Account(view).pair()


def test_an_older_version_than_is_allowed_is_told_so(running, pki, authority):
    view, good = running.view(), pki.signed("program", by=authority[0])
    for listener in LISTENERS:
        owner = view.program(listener.split("-", maxsplit=1)[0])
        before = _refused(owner, listener, "handshake")
        assert refusal(view, listener, context(pki.ca, good, TLS12)) == 70
        _await(lambda: _refused(owner, listener, "handshake") == before + 1)  # noqa: B023


def test_a_client_may_send_the_intermediate_that_leads_to_the_authority(running, pki, authority):
    below = pki.intermediate("Services' CA of a site", by=authority[0])
    for listener in LISTENERS:
        with pytest.raises(AssertionError, match="let in"):
            refusal(running.view(), listener, _client(pki, pki.signed("program", by=below)))


def test_another_authority_takes_the_place_of_the_first(running, pki, authority):
    signer, path = authority
    other = pki.stranger("Next services' CA")
    good = pki.signed("program", by=other)
    view = running.view()

    def is_let_in() -> bool:
        try:
            refusal(view, "things-grpc", _client(pki, good))
        except AssertionError:
            return True
        return False

    assert not is_let_in()
    both = signer.certificate.public_bytes(Encoding.PEM) + other.certificate.public_bytes(Encoding.PEM)
    replace(path, both)
    _await(is_let_in)
    replace(path, signer.certificate.public_bytes(Encoding.PEM))
    _await(lambda: not is_let_in())
