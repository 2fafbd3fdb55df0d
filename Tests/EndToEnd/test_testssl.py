"""What testssl.sh, a scanner of other people, finds on each listener."""

import concurrent.futures
import json
import pathlib
import shutil
import subprocess

import pytest

from support.pki import SERVER, days
from support.programs import SeparatePrograms
from support.server import PORT_VARIABLES, Server

PREFIXES = ("MF_USERS", "MF_THINGS", "MF_HTTP_ADAPTER", "MF_WS_ADAPTER", "MF_MQTT_ADAPTER", "MF_FLUXGATE_OPS")
OURS = tuple(name for name in PORT_VARIABLES if name != "mqtt")
GRPC = ("users-grpc", "things-grpc")
# Two have all looked at: protocols, ciphers, forward secrecy, preferences, certificate, known attacks, HTTP headers. What
# the others add to them, which have the same context, is whether they are on it.
EVERYTHING = ("-p", "-s", "-f", "-P", "-S", "-U", "-h")
PROTOCOLS = ("-p", "-f")
WHOLE = ("http", "users-grpc")

# WARN is said of what the scanner couldn't find out, not of the listener.
MILD = {"OK", "INFO", "LOW", "DEBUG", "WARN"}
EXPECTED = {"cert_chain_of_trust": "the authority is the tests' own"}


def _scan(port: int, checks: tuple[str, ...], directory: pathlib.Path) -> list[dict[str, str]]:
    command = shutil.which("testssl") or shutil.which("testssl.sh")
    assert command, "there is no testssl.sh: scripts/install-packages test"
    found = directory / f"{port}.json"
    options = ["--quiet", "--color", "0", "--warnings", "off", "--nodns", "min", "--jsonfile", found]
    ended = subprocess.run(
        [command, *options, *checks, f"localhost:{port}"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert found.exists(), ended.stdout + ended.stderr
    return json.loads(found.read_text())


@pytest.fixture(scope="module")
def findings(program, pki, tmp_path_factory):
    """By listener. Two are scanned at a time; the scanner is what takes the time."""
    directory = tmp_path_factory.mktemp("testssl")
    pair = pki.signed("localhost", purpose=SERVER, host="localhost", end=days(200))
    halves = {"SERVER_CERT": pair.certificate, "SERVER_KEY": pair.key}
    tls = {f"{prefix}_{half}": str(path) for prefix in PREFIXES for half, path in halves.items()}
    trust = {f"{prefix}_CA_CERTS": str(pki.ca) for prefix in ("MF_THINGS", *PREFIXES[2:5])}
    (directory / "one").mkdir()
    one = Server(directory / "one", ca=pki.ca, **tls)
    separate = SeparatePrograms(directory, copies=1, ca=pki.ca, **{name: tls[name] for name in list(tls)[:4]}, **trust)
    try:
        one.start()
        view = separate.start().view()
        ports = {name: one.ports[name] for name in OURS} | {name: view.ports[name] for name in GRPC}
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            order = sorted(ports, key=lambda name: name not in WHOLE)
            scans = {
                name: pool.submit(_scan, ports[name], EVERYTHING if name in WHOLE else PROTOCOLS, directory)
                for name in order
            }
            yield {name: scan.result() for name, scan in scans.items()}
        one.check()
        separate.check()
    finally:
        assert one.stop() == 0
        separate.stop()
        separate.end()


@pytest.mark.parametrize("listener", [*OURS, *GRPC])
def test_nothing_worse_than_low_is_found(findings, listener):
    found = {each["id"]: each for each in findings[listener]}
    # Not vacuous: it has spoken with the listener.
    assert found["TLS1_2"]["severity"] == found["TLS1_3"]["severity"] == "OK", found
    assert {found[old]["severity"] for old in ("SSLv2", "SSLv3", "TLS1", "TLS1_1")} <= {"OK", "INFO"}
    assert found["FS" if "FS" in found else "PFS"]["severity"] == "OK"
    worse = {id: each for id, each in found.items() if each["severity"] not in MILD and id not in EXPECTED}
    assert worse == {}


@pytest.mark.parametrize("listener", WHOLE)
def test_of_tls_1_2_there_is_one_suite_for_each_kind_of_key(findings, listener):
    offered = {each["finding"] for each in findings[listener] if each["id"] == "cipherorder_TLSv1_2"}
    assert offered == {"ECDHE-ECDSA-AES128-GCM-SHA256"}


def test_the_two_that_are_looked_at_whole_are(findings):
    for listener in WHOLE:
        found = {each["id"] for each in findings[listener]}
        assert {"heartbleed", "ROBOT", "cert_keySize", "cipherlist_NULL", "cipher_order"} <= found
    assert "security_headers" in {each["id"] for each in findings["http"]} or any(
        each["id"] == "X-Content-Type-Options" for each in findings["http"]
    )
