"""The `fluxgate` command line against a running platform: provisioning, sending, watching, and exit codes that tell."""

import json
import os
import subprocess

import pytest

from support.api import PASSWORD, Thing, new_email
from support.listeners import PahoClient, topic
from support.server import BINARY

USAGE, BAD_INPUT, UNAVAILABLE, PROTOCOL_ERROR, NOT_AUTHORIZED = 64, 65, 69, 76, 77


@pytest.fixture
def fluxgate(server, tmp_path):
    return runner(server, tmp_path)


def runner(server, directory):
    """Runs a command to its end, with the addresses of the server."""

    def run(*arguments: str, expect: int = 0, stdin: bytes = b"", **variables: str) -> subprocess.CompletedProcess:
        ended = subprocess.run(
            [BINARY, *arguments],
            env=environment(server, **variables),
            input=stdin,
            capture_output=True,
            timeout=30,
            cwd=directory,
        )
        assert ended.returncode == expect, f"{arguments}: {ended}"
        return ended

    return run


def environment(server, **variables: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MF_")}
    addresses = {
        "MF_FLUXGATE_USERS_URL": server.url("users"),
        "MF_FLUXGATE_THINGS_URL": server.url("things"),
        "MF_FLUXGATE_HTTP_URL": server.url("http"),
        "MF_FLUXGATE_WS_URL": server.url("ws").replace("http", "ws", 1),
        "MF_FLUXGATE_MQTT_URL": f"mqtt://127.0.0.1:{server.ports['mqtt']}",
    }
    return {**kept, **addresses, **variables}


class TestProvisioning:
    def test_a_csv_file_makes_things_channels_and_connections(self, server, fluxgate, tmp_path, closing):
        rows = [f"thing {number},channel {number % 3}" for number in range(2_500)]
        (tmp_path / "devices.csv").write_text("\n".join(["thing,channel", *rows]) + "\n")

        command = ["provision", "devices.csv", "--email", new_email(), "--register", "--json"]
        made = json.loads(fluxgate(*command, MF_PASSWORD=PASSWORD).stdout)

        assert (len(made["things"]), len(made["channels"]), made["connections"]) == (2_500, 3, 2_500)
        channel = next(each["id"] for each in made["channels"] if each["name"] == "channel 0")
        thing = next(Thing(each["id"], each["key"]) for each in made["things"] if each["name"] == "thing 3")
        closing(PahoClient(server, thing, topic(channel)))

    def test_a_json_file_keeps_names_and_metadata(self, alice, fluxgate, tmp_path):
        document = {
            "things": [{"name": "a lamp", "metadata": {"floor": 2}}],
            "channels": [{"name": "hall"}],
            "connect": [{"thing": "a lamp", "channel": "hall"}],
        }
        (tmp_path / "one.json").write_text(json.dumps(document))

        made = json.loads(fluxgate("provision", "one.json", "--json", MF_TOKEN=alice.token).stdout)

        shown = alice.call("things", "GET", f"/things/{made['things'][0]['id']}", expect=200).json()
        assert (shown["name"], shown["metadata"]) == ("a lamp", {"floor": 2})

    def test_the_exit_code_tells_what_went_wrong(self, alice, fluxgate, tmp_path):
        (tmp_path / "good.csv").write_text("thing,channel\na,b\n")
        (tmp_path / "bad.json").write_text('{"things": [')

        fluxgate("provision", "good.csv", expect=NOT_AUTHORIZED, MF_TOKEN="no-token")
        fluxgate("provision", "good.txt", expect=USAGE, MF_TOKEN=alice.token)
        fluxgate("provision", "bad.json", expect=BAD_INPUT, MF_TOKEN=alice.token)
        fluxgate("provision", "missing.csv", expect=BAD_INPUT, MF_TOKEN=alice.token)
        nowhere = {"MF_FLUXGATE_THINGS_URL": "http://127.0.0.1:1"}
        fluxgate("provision", "good.csv", expect=UNAVAILABLE, MF_TOKEN=alice.token, **nowhere)


class TestMessages:
    @pytest.mark.parametrize("watching", ["ws", "mqtt"])
    def test_what_is_sent_is_watched_whatever_the_transports(self, server, alice, fluxgate, watching):
        channel, sender, watcher = alice.pair()
        watch = subprocess.Popen(
            [BINARY, "messages", "watch", "--channel", channel, "--via", watching, "--count", "3", "--timeout", "20s"],
            env=environment(server, MF_THING_KEY=watcher.key),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert b"watching" in watch.stderr.readline()

        for transport in ("http", "ws", "mqtt"):
            fluxgate(
                "messages",
                "send",
                "--channel",
                channel,
                "--via",
                transport,
                "-",
                stdin=transport.encode(),
                MF_THING_KEY=sender.key,
            )

        output, errors = watch.communicate(timeout=20)
        assert watch.returncode == 0, errors
        assert output == b"http\nws\nmqtt\n"

    def test_a_watch_in_json_shows_bytes_that_are_no_text_in_base64(self, server, alice, fluxgate):
        channel, sender, watcher = alice.pair()
        watch = subprocess.Popen(
            [BINARY, "messages", "watch", "--channel", channel, "--count", "1", "--json", "--timeout", "20s"],
            env=environment(server, MF_THING_KEY=watcher.key),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert b"watching" in watch.stderr.readline()

        fluxgate("messages", "send", "--channel", channel, "-", stdin=b"\xff\x00", MF_THING_KEY=sender.key)

        shown = json.loads(watch.communicate(timeout=20)[0])
        assert (shown["payload"], shown["encoding"]) == ("/wA=", "base64")

    @pytest.mark.parametrize("transport", ["http", "ws", "mqtt"])
    def test_a_thing_without_the_right_is_told_so_by_the_exit_code(self, alice, mallory, fluxgate, transport):
        send = ["messages", "send", "--channel", alice.channel(), "--via", transport, "a"]

        fluxgate(*send, expect=NOT_AUTHORIZED, MF_THING_KEY=mallory.thing().key)
        fluxgate(*send, expect=NOT_AUTHORIZED, MF_THING_KEY="no-such-key")


class TestOverTLS:
    @pytest.fixture
    def secured(self, start_server, pki):
        """A server that has nothing plain, and asks things for a certificate."""
        services = pki.variables("MF_USERS", "MF_THINGS", "MF_FLUXGATE_OPS")
        adapters = pki.variables("MF_HTTP_ADAPTER", "MF_WS_ADAPTER", "MF_MQTT_ADAPTER", clients=True)
        return start_server(ca=pki.ca, MF_REQUIRE_TLS="true", **services, **adapters)

    def test_what_is_provisioned_sends_with_its_certificate_alone(self, secured, pki, tmp_path):
        fluxgate = runner(secured, tmp_path)
        (tmp_path / "devices.csv").write_text("thing,channel\nthermometer,greenhouse\n")
        trust = {"MF_FLUXGATE_CA_CERTS": str(pki.ca)}

        command = ["provision", "devices.csv", "--email", new_email(), "--register", "--json"]
        made = json.loads(fluxgate(*command, MF_PASSWORD=PASSWORD, **trust).stdout)
        pair = pki.thing(made["things"][0]["key"])
        shown = ["--client-cert", pair.certificate, "--client-key", pair.key]
        for transport in ("http", "ws", "mqtt"):
            secure = [] if transport != "mqtt" else ["--url", f"mqtts://127.0.0.1:{secured.ports['mqtts']}"]
            send = ["messages", "send", "--channel", made["channels"][0]["id"], "--via", transport, *secure, "a"]
            fluxgate(*send, *shown, **trust)
            fluxgate(*send, expect=PROTOCOL_ERROR, MF_THING_KEY=made["things"][0]["key"], **trust)

        published = sum(
            value
            for name, value in secured.metrics().items()
            if name.startswith("fluxgate_messages_published_total")
        )
        assert published == 3

    def test_a_platform_that_is_not_trusted_gets_no_password(self, secured, tmp_path):
        (tmp_path / "devices.csv").write_text("thing,channel\nthermometer,greenhouse\n")

        ended = runner(secured, tmp_path)(
            "provision", "devices.csv", "--email", new_email(), expect=PROTOCOL_ERROR, MF_PASSWORD=PASSWORD
        )

        assert b"certificate verify failed" in ended.stderr


@pytest.mark.parametrize(
    "command", [[], ["serve"], ["provision"], ["messages"], ["messages", "send"], ["messages", "watch"]]
)
def test_help_is_there_for_every_command(fluxgate, command):
    assert b"USAGE: fluxgate" in fluxgate(*command, "--help").stdout


def test_a_command_that_does_not_exist_is_a_wrong_command_line(fluxgate):
    fluxgate("nonsense", expect=USAGE)
