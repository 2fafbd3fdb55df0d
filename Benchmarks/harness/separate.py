"""The separate programs with PostgreSQL and NATS, as the end-to-end tests start them: limits and access checks on."""

import os
import pathlib
import sys

from .api import API
from .fluxgate import Provisioned
from .process import Group
from .target import HTTPTarget, MQTTTarget, write_accounts

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "Tests", "EndToEnd"))


class Separate:
    """One of each adapter; with `variables` for all programs."""

    def __init__(self, binary, folder, things, cores, keep, jetstream=False, **variables):
        os.environ["FLUXGATE_BINARY"] = os.path.abspath(binary)
        from support.engines import NATS, Postgres
        from support.programs import SeparatePrograms

        os.makedirs(folder, mode=0o700)
        self.folder = folder
        loops = str(max(1, cores - 1))  # the default
        settings = {"MF_EVENT_LOOPS": loops, "MF_LIMITS_OFF": "false"} | variables
        engines = {"postgres": Postgres(fsync="on"), "nats": NATS(jetstream=jetstream)}
        programs = SeparatePrograms(pathlib.Path(folder), copies=1, **engines, **settings)
        self.programs = keep(programs).start()
        self.ports = programs.view().ports
        users, service = API(self.ports["users"]), API(self.ports["things"])
        self.provisioned = Provisioned(users, service, things, 1)

    def http(self):
        channel, thing = self.provisioned.channel, self.provisioned.things[0]
        url = f"http://127.0.0.1:{self.ports['http']}/channels/{channel}/messages"
        return HTTPTarget("http-adapter", self.group("http-adapter"), url, {"Authorization": thing["key"]})

    @property
    def mqtt(self):
        """CPU is that of the adapter and of NATS."""
        write_accounts(f"{self.folder}/accounts", [(each["id"], each["key"]) for each in self.provisioned.things])
        program = Group([self.programs.program("mqtt-adapter-1").process, self.programs.nats.process])
        topic = f"channels/{self.provisioned.channel}/messages"
        return MQTTTarget("mqtt-adapter", program, self.ports["mqtt"], topic, f"{self.folder}/accounts")

    def rest(self, name, path):
        url = f"http://127.0.0.1:{self.ports['things']}{path}"
        headers = {"Authorization": self.provisioned.token, "Content-Type": "application/json"}
        return HTTPTarget(name, self.group("things"), url, headers)

    def group(self, kind):
        return Group([each.process for each in self.programs.programs if each.kind == kind])
