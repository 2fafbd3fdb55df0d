"""Starting, telling what runs, and ending."""

import os
import signal
import socket
import stat
import subprocess
import time

import pytest
import requests

from support import raw_mqtt as mqtt
from support.api import Account, publish_http
from support.listeners import topic
from support.raw_mqtt import RawMQTT
from support.raw_ws import RawWS
from support.server import BINARY, HTTP_LISTENERS


def _run_to_its_end(tmp_path, **variables: str) -> subprocess.CompletedProcess:
    environment = {"PATH": os.environ["PATH"], "MF_DATA_DIR": str(tmp_path / "data"), **variables}
    return subprocess.run([BINARY, "serve"], env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=20)


def test_the_start_says_what_listens_where_and_that_traffic_is_plain(server):
    log = server.log()

    for port in server.opened().values():
        assert str(port) in log
    assert str(server.data) in log and "plain" in log.lower()


def test_everything_listens_on_the_loopback_address_only(server):
    listening = subprocess.run(["ss", "-Hltnp"], capture_output=True, text=True, check=True).stdout.splitlines()
    own = [line.split()[3] for line in listening if f"pid={server.process.pid}," in line]

    assert len(own) >= len(server.opened())
    assert all(address.startswith(("127.0.0.1:", "[::1]:")) for address in own), own


@pytest.mark.skipif(os.geteuid() != 0, reason="who isn't root has no privileges to give up")
def test_every_protocol_is_served_without_any_privilege(start_server):
    server = start_server(under=("setpriv", "--bounding-set=-all", "--inh-caps=-all"))
    channel, thing, _ = Account(server).pair()

    assert publish_http(server, channel, thing.key, b"x") == 202
    with RawMQTT(server.connect("mqtt"), 5) as client:
        client.connect("unprivileged", thing.id, thing.key)
    with RawWS(server.connect("ws"), f"/channels/{channel}/messages", f"Authorization: {thing.key}"):
        pass


def test_the_data_folder_is_closed_to_others_and_the_secrets_are_once_more(server):
    secrets = [each for each in server.data.rglob("*") if "secret" in each.name]

    assert stat.S_IMODE(server.data.stat().st_mode) == 0o700
    assert secrets and all(stat.S_IMODE(each.stat().st_mode) == 0o600 for each in secrets)


def test_termination_tells_the_clients_and_ends_with_0(start_server):
    server = start_server()
    channel, thing, _ = Account(server).pair()
    with RawMQTT(server.connect("mqtt"), 5) as new, RawMQTT(server.connect("mqtt"), 4) as old, RawWS(
        server.connect("ws"), f"/channels/{channel}/messages", f"Authorization: {thing.key}"
    ) as ws:
        for client, name in ((new, "new"), (old, "old")):
            client.connect(name, thing.id, thing.key).subscribe(topic(channel))
        server.process.send_signal(signal.SIGTERM)

        assert [(each.kind, each.body[0]) for each in new.packets_until_closed()] == [(mqtt.DISCONNECT, 0x8B)]
        assert old.packets_until_closed() == []
        assert ws.close_code() == 1001
    assert server.process.wait(timeout=15) == 0
    server.process = None
    server.start()  # … and what was stored is there when it comes again.
    assert RawMQTT(server.connect("mqtt"), 5).connect("again", thing.id, thing.key)


def test_clients_that_neither_read_nor_close_do_not_hold_up_the_end(start_server):
    server = start_server()
    channel, thing, _ = Account(server).pair()
    target, key = f"/channels/{channel}/messages", f"Authorization: {thing.key}"
    with RawMQTT(server.connect("mqtt")) as deaf, RawWS(server.connect("ws"), target, key):
        deaf.connect("deaf", thing.id, thing.key).subscribe(topic(channel))
        started = time.monotonic()

        assert server.stop() == 0
        assert time.monotonic() - started < 5
    server.process = None
    server.start()


def test_a_port_that_is_taken_is_named(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        free = {
            name: "0"
            for name in (
                "MF_USERS_HTTP_PORT",
                "MF_THINGS_HTTP_PORT",
                "MF_THINGS_AUTH_HTTP_PORT",
                "MF_HTTP_ADAPTER_PORT",
                "MF_WS_ADAPTER_PORT",
                "MF_MQTT_ADAPTER_WS_PORT",
                "MF_FLUXGATE_OPS_PORT",
            )
        }
        ended = _run_to_its_end(tmp_path, **free, MF_MQTT_ADAPTER_PORT=port)

    assert ended.returncode != 0
    assert "mqtt" in ended.stdout + ended.stderr and port in ended.stdout + ended.stderr


@pytest.mark.parametrize(
    "variable, value",
    [
        ("MF_MQTT_ADAPTER_PORT", "many"),
        ("MF_HTTP_ADAPTER_PORT", "65536"),
        ("MF_ENV", "staging"),
        ("MF_LIMITS_OFF", "perhaps"),
        ("MF_LIMITS_TENANT_THINGS", "0"),
        ("MF_MAX_MESSAGE_BYTES", "-1"),
        ("MF_ACCESS_CACHE_MAX_AGE", "10"),
        ("MF_LOG_LEVEL", "loud"),
        ("MF_USERS_SECRET", "secret"),
    ],
)
def test_a_value_that_cannot_be_is_named_and_ends_the_start(tmp_path, variable, value):
    ended = _run_to_its_end(tmp_path, **{variable: value})

    assert ended.returncode != 0
    assert variable in ended.stdout + ended.stderr
    assert "Fatal error" not in ended.stderr


def test_every_http_listener_tells_its_version(server):
    for listener in (*HTTP_LISTENERS, "ops"):
        answer = requests.get(server.url(listener, "/version"), timeout=5)
        assert answer.status_code == (404 if listener == "auth" else 200), listener


def test_counters_move_with_the_messages(server, alice):
    channel, thing, _ = alice.pair()
    before = server.metrics()
    for _ in range(10):
        assert publish_http(server, channel, thing.key, b"a") == 202
    after = server.metrics()

    moved = {name for name in after if name.startswith("fluxgate_") and after[name] - before.get(name, 0) >= 10}
    assert any('protocol="http"' in name or 'source="http"' in name for name in moved), moved
    assert any("access" in name for name in moved), "access checks are counted"
