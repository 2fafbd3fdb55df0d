"""What was acknowledged is kept in a volume, and is there when NATS comes back."""

import ssl
import time
import uuid

import pytest
import requests

from support.api import Account
from support.raw_nats import Address, JetStream
from support.server import REPOSITORY

PORT = 4222


class Publisher:
    """A thing, which shows itself as this mode wants it."""

    def __init__(self, composition):
        channel, thing, _ = Account(composition).pair()
        pair = composition.pki.thing(thing.key) if composition.mode == "x509" else None
        self.url = composition.url("http", f"/channels/{channel}/messages")
        self.options = {"verify": composition.verify, "headers": {"Authorization": thing.key}, "timeout": 30}
        if pair:
            self.options["cert"] = (str(pair.certificate), str(pair.key))

    def publish(self, payload: str) -> int:
        return requests.post(self.url, data=payload, **self.options).status_code

    def await_acknowledgement(self) -> None:
        deadline = time.monotonic() + 60
        while (status := self.publish("is it back?")) != 202:
            assert status == 503 and time.monotonic() < deadline
            time.sleep(0.1)  # Asking is the only way to learn of it.


@pytest.fixture
def publisher(composition):
    return Publisher(composition)


def _settings() -> dict[str, str]:
    lines = (REPOSITORY / "docker/.env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def _stream(composition) -> JetStream:
    """On the bus as the programs are: with the token, and with TLS where they use it."""
    tls = None
    if composition.mode == "x509":
        tls = ssl.create_default_context(cafile=str(composition.pki.certs / "service-ca.crt"))
    host = composition.address("nats", "back")
    return JetStream(Address(PORT, host, _settings()["MF_NATS_TOKEN"], tls, "nats"))


def test_the_stream_keeps_on_disk_what_the_settings_say(composition, publisher):
    assert publisher.publish("kept") == 202
    config, settings = _stream(composition).info()["config"], _settings()

    assert settings["MF_MESSAGE_DURABILITY"] == "disk"
    assert (config["name"], config["storage"]) == (settings["MF_MESSAGE_STREAM"], "file")
    assert config["max_bytes"] == int(settings["MF_MESSAGE_STORE_BYTES"]) <= int(settings["MF_NATS_STORE_BYTES"])
    assert settings["MF_MESSAGE_STORE_AGE"] == f"{config['max_age'] // 3600 // 10**9}h"


def test_what_was_acknowledged_outlives_nats_and_its_container(composition, publisher):
    words = [uuid.uuid4().hex for _ in range(60)]
    for word in words[:30]:
        assert publisher.publish(word) == 202
    composition.compose("kill", "nats")
    assert publisher.publish("refused while nobody can keep it") == 503
    composition.compose("up", "--detach", "--no-build", "--no-deps", "--force-recreate", "--wait", "nats")

    publisher.await_acknowledgement()
    for word in words[30:]:
        assert publisher.publish(word) == 202
    stored = _stream(composition).payloads()
    assert [word for word in words if not any(word.encode() in body for body in stored)] == []
