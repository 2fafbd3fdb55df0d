"""`fluxgate serve` in its default configuration: limits, key authentication and access checks on."""

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

    def __init__(self, binary, folder, things, keep, certificates=None):
        os.makedirs(folder, mode=0o700)
        self.folder, self.certificates = folder, certificates
        self.ports = dict(zip(PORTS, free_ports(len(PORTS))))
        environment = default_environment() | {name: str(port) for name, port in self.ports.items()}
        environment["MF_DATA_DIR"] = f"{folder}/data"
        environment |= mutual_tls(certificates) if certificates else {}
        self.program = keep(Program("fluxgate", [binary, "serve"], f"{folder}/log", environment))
        self.ops = API(self.ports["MF_FLUXGATE_OPS_PORT"])
        wait_until(self.program, lambda: self.ops.answers("/health/ready"), "is not ready", 30)
        self.channel, self.things = self.provision(things)

    def provision(self, things):
        users, service = API(self.ports["MF_USERS_HTTP_PORT"]), API(self.ports["MF_THINGS_HTTP_PORT"])
        account = {"email": "bench@example.com", "password": "correct-horse-battery"}
        users.post("/users", account, 201)
        token = users.post("/tokens", account, 201).json()["token"]
        channel = service.post("/channels", {"name": "bench"}, 201, token).location.rpartition("/")[2]
        wanted = [{"name": f"bench {number}"} for number in range(things)]
        made = service.post("/things/bulk", wanted, 201, token).json()["things"]
        ids = [thing["id"] for thing in made]
        service.post("/connect", {"channel_ids": [channel], "thing_ids": ids}, 200, token)
        return channel, made

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


def default_environment():
    """Ours without what would change the configuration that is measured."""
    return {name: value for name, value in os.environ.items() if not name.startswith("MF_")}


def mutual_tls(certificates):
    return {
        "MF_MQTT_ADAPTER_SERVER_CERT": certificates.server.certificate,
        "MF_MQTT_ADAPTER_SERVER_KEY": certificates.server.key,
        "MF_MQTT_ADAPTER_CLIENT_CA_CERTS": certificates.ca,
    }
