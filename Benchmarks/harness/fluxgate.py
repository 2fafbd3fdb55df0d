"""`fluxgate serve` in its default configuration: limits, key authentication and access checks on."""

import functools
import os
import time

from . import metrics
from .api import API
from .failure import BenchFailure
from .process import Program, free_ports, wait_until
from .target import HTTPTarget, MQTTTarget, write_accounts

PORTS = (
    "MF_USERS_HTTP_PORT",
    "MF_THINGS_HTTP_PORT",
    "MF_THINGS_AUTH_HTTP_PORT",
    "MF_HTTP_ADAPTER_PORT",
    "MF_WS_ADAPTER_PORT",
    "MF_MQTT_ADAPTER_PORT",
    "MF_MQTT_ADAPTER_TLS_PORT",
    "MF_MQTT_ADAPTER_WS_PORT",
    "MF_FLUXGATE_OPS_PORT",
)


class Fluxgate:
    """The running server, provisioned with one channel and the things that are connected to it."""

    def __init__(self, binary, folder, things, keep, certificates=None, channels=1, **variables):
        os.makedirs(folder, mode=0o700)
        self.folder, self.certificates = folder, certificates
        self.ports = dict(zip(PORTS, free_ports(len(PORTS))))
        environment = default_environment() | {name: str(port) for name, port in self.ports.items()}
        environment["MF_DATA_DIR"] = f"{folder}/data"
        environment |= variables | (mutual_tls(certificates) if certificates else {})
        self.program = keep(Program("fluxgate", [binary, "serve"], f"{folder}/log", environment))
        self.ops = API(self.ports["MF_FLUXGATE_OPS_PORT"])
        wait_until(self.program, lambda: self.ops.answers("/health/ready"), "is not ready", 30)
        users, service = API(self.ports["MF_USERS_HTTP_PORT"]), API(self.ports["MF_THINGS_HTTP_PORT"])
        provisioned = Provisioned(users, service, things, channels)
        self.channel, self.things = provisioned.channel, provisioned.things

    @functools.cached_property
    def mqtt(self):
        """By key over TCP, or over mutual TLS by certificate with the key beside it, which is compared."""
        accounts, topic = [(thing["id"], thing["key"]) for thing in self.things], f"channels/{self.channel}/messages"
        port, tls = self.ports["MF_MQTT_ADAPTER_PORT"], None
        if self.certificates:
            accounts = self.certificates.with_accounts(accounts, "thing", lambda _, key: key)
            port, tls = self.ports["MF_MQTT_ADAPTER_TLS_PORT"], self.certificates.tls
        write_accounts(f"{self.folder}/accounts", accounts)
        return MQTTTarget("fluxgate", self.program, port, topic, f"{self.folder}/accounts", tls)

    def websocket(self):
        accounts, path = f"{self.folder}/websocket-accounts", f"/channels/{self.channel}/messages"
        write_accounts(accounts, [(thing["id"], thing["key"]) for thing in self.things])
        return MQTTTarget("fluxgate", self.program, self.ports["MF_WS_ADAPTER_PORT"], path, accounts)

    def http(self):
        url = f"http://127.0.0.1:{self.ports['MF_HTTP_ADAPTER_PORT']}/channels/{self.channel}/messages"
        return HTTPTarget("fluxgate", self.program, url, {"Authorization": self.things[0]["key"]})

    def counters(self):
        """The counters once they stand still: what was under way when a load program ended is in them."""
        earlier = None
        for _ in range(50):
            counters = metrics.counters(self.ops.get("/metrics").text)
            if counters == earlier:
                return counters
            earlier = counters
            time.sleep(0.1)
        raise BenchFailure("fluxgate goes on counting messages although nobody sends any")


class Provisioned:
    """An account with things and channels; the first thousand things are connected to the first channel."""

    MOST = 1_000  # of one request

    def __init__(self, users, service, things, channels):
        account = {"email": "bench@example.com", "password": "correct-horse-battery"}
        users.post("/users", account, 201)
        self.token = users.post("/tokens", account, 201).json()["token"]
        self.things = self.make(service, "things", things)
        self.channel = self.make(service, "channels", channels)[0]["id"]
        ids = [thing["id"] for thing in self.things[: self.MOST]]
        service.post("/connect", {"channel_ids": [self.channel], "thing_ids": ids}, 200, self.token)

    def make(self, service, kind, count):
        made = []
        for first in range(0, count, self.MOST):
            wanted = [{"name": f"bench {number}"} for number in range(first, min(count, first + self.MOST))]
            made += service.post(f"/{kind}/bulk", wanted, 201, self.token).json()[kind]
        return made


def default_environment():
    """Ours without what would change the configuration that is measured."""
    return {name: value for name, value in os.environ.items() if not name.startswith("MF_")}


def mutual_tls(certificates):
    return {
        "MF_MQTT_ADAPTER_SERVER_CERT": certificates.server.certificate,
        "MF_MQTT_ADAPTER_SERVER_KEY": certificates.server.key,
        "MF_MQTT_ADAPTER_CLIENT_CA_CERTS": certificates.ca,
    }
