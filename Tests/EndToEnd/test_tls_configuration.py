"""What the TLS variables turn on, and the mistakes in them that end the start."""

import os
import shutil
import subprocess
import time

import pytest

from support import raw_mqtt as mqtt
from support.api import Account
from support.raw_mqtt import RawMQTT
from support.server import BINARY, PORT_VARIABLES
from support.tls import context, secured

ADAPTERS = ("MF_HTTP_ADAPTER", "MF_WS_ADAPTER", "MF_MQTT_ADAPTER")
SERVICES = ("MF_USERS", "MF_THINGS", "MF_FLUXGATE_OPS")
FILES = ("SERVER_CERT", "SERVER_KEY", "CLIENT_CA_CERTS")


@pytest.fixture
def start_fails(tmp_path):
    """Starts with mistakes: the program must say so at once, naming what is given. Ports are left to the system."""

    def fails(*names: str, **variables: str) -> None:
        ports = dict.fromkeys(PORT_VARIABLES.values(), "0")
        environment = {"PATH": os.environ["PATH"], "MF_DATA_DIR": str(tmp_path / "data"), **ports, **variables}
        started = time.monotonic()
        ended = subprocess.run(
            [BINARY, "serve"], env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=10
        )
        assert time.monotonic() - started < 1
        said = ended.stdout + ended.stderr
        assert ended.returncode == 2, said
        assert [name for name in names if name not in said] == [], said
        assert "Fatal error" not in said and "PRIVATE KEY" not in said

    return fails


class TestMistakes:
    @pytest.mark.parametrize("prefix", ADAPTERS)
    @pytest.mark.parametrize("given, missing", [("CERT", "KEY"), ("KEY", "CERT")])
    @pytest.mark.parametrize("clients", [False, True])
    def test_half_a_pair_of_an_adapter(self, start_fails, pki, prefix, given, missing, clients):
        variables = pki.variables(prefix, clients=clients)
        del variables[f"{prefix}_SERVER_{missing}"]
        start_fails(f"{prefix}_SERVER_{missing}", f"{prefix}_SERVER_{given}", **variables)

    @pytest.mark.parametrize("prefix", ADAPTERS)
    def test_client_authorities_without_a_pair(self, start_fails, pki, prefix):
        authorities = f"{prefix}_CLIENT_CA_CERTS"
        start_fails(authorities, f"{prefix}_SERVER_CERT", **{authorities: str(pki.ca)})

    @pytest.mark.parametrize(
        "prefix, variable",
        [
            *((prefix, variable) for prefix in ADAPTERS for variable in FILES),
            *((prefix, variable) for prefix in SERVICES for variable in ("SERVER_CERT", "SERVER_KEY")),
        ],
    )
    def test_a_file_that_is_not_there(self, start_fails, pki, tmp_path, prefix, variable):
        path = str(tmp_path / "none.pem")
        variables = {**pki.variables(prefix, clients=prefix in ADAPTERS), f"{prefix}_{variable}": path}
        start_fails(f"{prefix}_{variable}", path, **variables)

    @pytest.mark.parametrize("variable", FILES)
    @pytest.mark.parametrize("holds", ["nothing", "something else", "a folder", "noise", "half of it"])
    def test_a_file_that_does_not_hold_it(self, start_fails, pki, tmp_path, variable, holds):
        content = dict(zip(FILES, (pki.server.certificate, pki.server.key, pki.ca)))[variable].read_bytes()
        path = tmp_path / "file.pem"
        if holds == "a folder":
            path.mkdir()
        elif holds == "something else":  # A key for a certificate, and the other way round.
            shutil.copy(pki.server.certificate if variable == "SERVER_KEY" else pki.server.key, path)
        else:
            held = {"nothing": b"", "noise": bytes(range(256)), "half of it": content[: len(content) // 2]}
            path.write_bytes(held[holds])

        name = f"MF_HTTP_ADAPTER_{variable}"
        start_fails(name, str(path), **{**pki.variables("MF_HTTP_ADAPTER", clients=True), name: str(path)})

    @pytest.mark.parametrize("prefix", [*ADAPTERS, *SERVICES])
    def test_a_key_of_another_certificate(self, start_fails, pki, prefix):
        other, name = pki.signed("another-pair").key, f"{prefix}_SERVER_KEY"
        start_fails(name, str(other), **{**pki.variables(prefix), name: str(other)})

    @pytest.mark.parametrize("prefix", ADAPTERS)
    @pytest.mark.parametrize(
        "missing", ["PROXY_CA_CERTS", "TRUSTED_PROXIES", "CLIENT_CA_CERTS", "SERVER_CERT", "SERVER_KEY"]
    )
    def test_proxies_without_what_they_need(self, start_fails, pki, prefix, missing):
        variables = pki.variables(prefix, clients=True) | pki.proxy_variables(prefix, "edge")
        del variables[f"{prefix}_{missing}"]
        start_fails(f"{prefix}_{missing}", **variables)

    @pytest.mark.parametrize("prefix", ADAPTERS)
    def test_authorities_of_proxies_that_cannot_be_used(self, start_fails, pki, tmp_path, prefix):
        name, nowhere = f"{prefix}_PROXY_CA_CERTS", str(tmp_path / "none.pem")
        good = pki.variables(prefix, clients=True) | pki.proxy_variables(prefix, "edge")
        start_fails(name, nowhere, **{**good, name: nowhere})
        start_fails(name, str(pki.ca), "in common", **{**good, name: str(pki.ca)})

    @pytest.mark.parametrize(
        "variable, value",
        [
            ("MF_USERS_TRUSTED_PROXIES", "localhost"),
            ("MF_USERS_TRUSTED_PROXIES", "10.0.0.0/33"),
            ("MF_TLS_MIN_VERSION", "1.1"),
            ("MF_TLS_MIN_VERSION", "TLS1.2"),
            ("MF_REQUIRE_TLS", "perhaps"),
            ("MF_TLS_HANDSHAKE_TIMEOUT", "10"),
            ("MF_MQTT_ADAPTER_PLAIN", "perhaps"),
        ],
    )
    def test_a_value_that_cannot_be(self, start_fails, variable, value):
        start_fails(variable, value, **{variable: value})


class TestRequired:
    """With MF_REQUIRE_TLS nothing plain is opened."""

    @pytest.mark.parametrize("prefix", [*ADAPTERS, *SERVICES])
    def test_a_listener_without_a_pair_ends_the_start(self, start_fails, pki, prefix):
        others = [each for each in (*ADAPTERS, *SERVICES) if each != prefix]
        start_fails("MF_REQUIRE_TLS", f"{prefix}_SERVER_CERT", MF_REQUIRE_TLS="true", **pki.variables(*others))

    @pytest.mark.parametrize("prefix", SERVICES)
    @pytest.mark.parametrize("missing", ["CERT", "KEY"])
    def test_half_a_pair_ends_the_start(self, start_fails, pki, prefix, missing):
        variables = pki.variables(*ADAPTERS, *SERVICES)
        del variables[f"{prefix}_SERVER_{missing}"]
        start_fails(f"{prefix}_SERVER_{missing}", MF_REQUIRE_TLS="true", **variables)


def _is_open(server, listener: str) -> bool:
    try:
        server.connect(listener).close()
        return True
    except ConnectionRefusedError:
        return False


class TestPlainMQTT:
    def test_is_open_beside_tls_where_no_certificate_is_asked_for(self, start_server, pki):
        server = start_server(ca=pki.ca, **pki.variables("MF_MQTT_ADAPTER"))
        thing = Account(server).thing()
        for connection in (server.connect("mqtt"), secured(server, "mqtts", context(pki.ca))):
            with RawMQTT(connection) as raw:
                raw.connect("both", thing.id, thing.key)

    def test_is_closed_where_a_certificate_is_asked_for(self, mutual):
        assert not _is_open(mutual, "mqtt") and _is_open(mutual, "mqtts")

    def test_is_open_there_too_if_it_is_wished(self, start_server, pki):
        adapter = pki.variables("MF_MQTT_ADAPTER", clients=True)
        server = start_server(ca=pki.ca, MF_MQTT_ADAPTER_PLAIN="true", **adapter)
        thing = Account(server).thing()
        with RawMQTT(server.connect("mqtt")) as raw:
            raw.connect("plain", thing.id, thing.key)
        with RawMQTT(server.connect("mqtt")) as raw:
            assert raw.send(mqtt.connect("no key", thing.id)).packet().body[1] != 0
        with RawMQTT(secured(server, "mqtts", context(pki.ca, pki.signed(thing.key)))) as raw:
            raw.connect("tls")


def test_half_a_pair_of_a_service_leaves_it_plain_with_a_warning(start_server, pki):
    users, things = pki.variables("MF_USERS"), pki.variables("MF_THINGS")
    del users["MF_USERS_SERVER_KEY"], things["MF_THINGS_SERVER_CERT"]

    server = start_server(**users, **things)

    assert Account(server).thing().key
    warnings = [line for line in server.log().splitlines() if "warning" in line]
    for name in ("MF_USERS_SERVER_CERT", "MF_USERS_SERVER_KEY", "MF_THINGS_SERVER_CERT", "MF_THINGS_SERVER_KEY"):
        assert any(name in line for line in warnings), server.log()


def test_the_start_says_what_is_on_tls_and_what_is_not(mutual):
    schemes = {"http": "https", "ws": "wss", "mqtts": "mqtts", "mqttws": "wss", "users": "http", "ops": "http"}
    for listener, scheme in schemes.items():
        assert f"{scheme}://127.0.0.1:{mutual.ports[listener]}" in mutual.log()
