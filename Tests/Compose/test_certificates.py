"""AUTH=x509: every cell of the table of certificates, through nginx and on 8883; and what runs between the programs."""

import base64
import ssl
import urllib.parse

import pytest

from support.raw_http import RawHTTP, request
from support.raw_ws import RawWS
from support.tls import TLS13, context, refusal, secured
from support.x509 import Things, target
from tables.x509 import ALERTS, ANSWERS, HTTP, OVER_WS, WS

pytestmark = pytest.mark.mode("x509")

# nginx passes on the client's own certificate alone: those between it and the root must stand in the adapters' file.
INTERMEDIATE = "good, signed by an intermediate CA"
PROXIED = (HTTP, WS, *OVER_WS)

# Where nginx reaches them, who has signed their certificates, and for which name if not for their own.
ADAPTERS = {
    "http-adapter": (8185, "service-ca.crt", None),
    "ws-adapter": (8186, "service-ca.crt", None),
    "mqtt-adapter": (8880, "ca.crt", "localhost"),
}


@pytest.fixture(scope="module")
def world(composition):
    made = Things(composition, composition.pki)
    yield made
    made.hearing.close()


@pytest.mark.parametrize("case", ANSWERS, ids=str)
def test_the_answer_is_as_tabled(world, case):
    code, heard, payload = world.show(case, TLS13)

    if case.certificate == INTERMEDIATE and case.protocol in PROXIED:
        assert (code, heard) == (403, [])
    else:
        assert code == case.code
        assert heard == ([payload] if payload else [])


@pytest.mark.parametrize("case", ALERTS, ids=str)
def test_what_ends_the_handshake_at_an_adapter_is_forbidden_through_nginx(composition, world, case):
    client = world.client(world.certificate(case.name), TLS13)

    with RawHTTP(secured(composition, "http", client)) as http:
        answer = http.send(request("POST", target(composition, "http", world.channel), body=b"no")).answer()
    over_ws = RawWS(secured(composition, "ws", client), target(composition, "ws", world.channel))
    over_mqtt = RawWS(secured(composition, "edge", client), "/mqtt", "Sec-WebSocket-Protocol: mqtt")

    assert (answer.status, over_ws.answer.status, over_mqtt.answer.status) == (403, 403, 403)
    assert answer.json()["status"] == 403
    assert refusal(composition, "mqtts", client) == case.number["TLS 1.3"]
    assert world.heard() == []
    over_ws.socket.close()
    over_mqtt.socket.close()


# --- a certificate in a header ---------------------------------------------------------------------------------------


def _forged(pair) -> list[str]:
    pem = pair.certificate.read_text()
    der = base64.b64encode(ssl.PEM_cert_to_DER_cert(pem[pem.index("-----BEGIN") :])).decode()
    return [f"X-Client-Cert: {urllib.parse.quote(pem, safe='')}", f"Client-Cert: :{der}:"]


@pytest.mark.parametrize("form", [0, 1], ids=["X-Client-Cert", "Client-Cert"])
@pytest.mark.parametrize("shown, status", [(None, 403), ("other thing", 403), ("good", 202)])
def test_a_forged_header_gives_nobody_another_name(composition, world, form, shown, status):
    """It says that the client is the good thing; whether it is, its handshake has shown."""
    header = _forged(world.certificate("good" if shown != "good" else "other thing"))[form]
    client = world.client(world.certificate(shown) if shown else None, TLS13)

    with RawHTTP(secured(composition, "http", client)) as http:
        answer = http.send(request("POST", target(composition, "http", world.channel), header, body=b"forged")).answer()

    assert answer.status == status
    assert world.heard(*([b"forged"] if status == 202 else [])) == ([b"forged"] if status == 202 else [])


@pytest.mark.parametrize("form", [0, 1], ids=["X-Client-Cert", "Client-Cert"])
@pytest.mark.parametrize("service", ADAPTERS)
def test_a_thing_inside_that_passes_a_certificate_on_is_refused(composition, world, form, service):
    """Past nginx, with a good certificate of its own; and with one whose common name is the proxy's."""
    header = _forged(world.certificate("good"))[form]
    path = "/mqtt" if service == "mqtt-adapter" else f"/channels/{world.channel}/messages"
    for pair in (world.certificate("other thing"), composition.pki.thing("fluxgate-proxy")):
        with _inside(composition, service, pair) as connection:
            if service == "http-adapter":
                answer = RawHTTP(connection).send(request("POST", path, header, body=b"forged")).answer()
            else:
                answer = RawWS(connection, path, "Sec-WebSocket-Protocol: mqtt", header).answer
            assert answer.status == 400
    assert world.heard() == []


def test_the_proxy_itself_must_say_for_whom_it_speaks(composition, world):
    certs = composition.pki.certs
    pair = type(composition.pki.server)(certs / "proxy.crt", certs / "proxy.key")
    path = f"/channels/{world.channel}/messages"
    good = _forged(world.certificate("good"))
    for headers, status in (([], 403), (good[:1], 202), (good[1:], 202), (good, 400), (good[:1] * 2, 400)):
        with RawHTTP(_inside(composition, "http-adapter", pair)) as http:
            assert http.send(request("POST", path, *headers, body=b"proxied")).answer().status == status
    assert world.heard(b"proxied") == [b"proxied"] * 2


def _inside(composition, service: str, pair) -> ssl.SSLSocket:
    """Where nginx comes in, with what nginx has or with something else."""
    port, authority, name = ADAPTERS[service]
    client = context(composition.pki.certs / authority, pair)
    return client.wrap_socket(composition.inside(service, port), server_hostname=name or service)


# --- between the programs --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "service, ports",
    [("users", (8180, 8181)), ("things", (8182, 8183)), ("http-adapter", (8185,)), ("ws-adapter", (8186,))],
)
def test_every_port_between_the_programs_is_on_tls(composition, service, ports):
    trust = ssl.create_default_context(cafile=composition.pki.certs / "service-ca.crt")
    for port in ports:
        with trust.wrap_socket(composition.inside(service, port), server_hostname=service) as connection:
            assert connection.version() in ("TLSv1.2", "TLSv1.3")


def test_mqtt_without_tls_is_not_even_open_inside(composition):
    assert composition.run_in("mqtt-adapter", ": </dev/tcp/127.0.0.1/8883").returncode == 0
    assert composition.run_in("mqtt-adapter", ": </dev/tcp/127.0.0.1/1883").returncode != 0


@pytest.mark.parametrize("service", ["users", "things"])
def test_databases_take_connections_over_tls_alone(composition, service):
    query = "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE client_addr IS NOT NULL"
    environment = composition.configuration(tested=True)["services"][f"{service}-db"]["environment"]
    user, name = environment["POSTGRES_USER"], environment["POSTGRES_DB"]
    psql = f"psql -h /var/run/postgresql -U {user} -d {name} -Atc"

    assert composition.run_in(f"{service}-db", f'{psql} "{query}"').stdout == "t\n"
    plain = f'PGSSLMODE=disable psql -h 127.0.0.1 -U {user} -d {name} -c "SELECT 1"'
    refused = composition.run_in(f"{service}-db", plain)
    assert refused.returncode != 0 and "no encryption" in refused.stderr


def test_the_bus_speaks_tls_alone(composition):
    (container, *_) = composition.containers("nats")
    address = container["NetworkSettings"]["Networks"][f"{composition.project}_back"]["IPAddress"]
    import socket

    with socket.create_connection((address, 4222), timeout=10) as connection:
        assert b'"tls_required":true' in connection.recv(4096)
