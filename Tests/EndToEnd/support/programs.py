"""The five separate programs on a private PostgreSQL and NATS, with several copies of each adapter."""

import contextlib
import itertools
import pathlib
import secrets

from support.engines import NATS, Postgres
from support.server import BINARY, TLS_PREFIXES, Platform, Program, free_ports

# What a test runs on. A module that names both in its `PLATFORMS` has its tests run on both.
ONE_PROGRAM, SEPARATE_PROGRAMS = "one program", "separate programs"

# The ports of each program, by the names that tests use, with their variables.
PORTS = {
    "users": {"users": "MF_USERS_HTTP_PORT", "users-grpc": "MF_USERS_GRPC_PORT", "ops": "MF_USERS_OPS_PORT"},
    "things": {
        "things": "MF_THINGS_HTTP_PORT",
        "auth": "MF_THINGS_AUTH_HTTP_PORT",
        "things-grpc": "MF_THINGS_AUTH_GRPC_PORT",
        "ops": "MF_THINGS_OPS_PORT",
    },
    "http-adapter": {"http": "MF_HTTP_ADAPTER_PORT", "ops": "MF_HTTP_ADAPTER_OPS_PORT"},
    "ws-adapter": {"ws": "MF_WS_ADAPTER_PORT", "ops": "MF_WS_ADAPTER_OPS_PORT"},
    "mqtt-adapter": {
        "mqtt": "MF_MQTT_ADAPTER_PORT",
        "mqtts": "MF_MQTT_ADAPTER_TLS_PORT",
        "mqttws": "MF_MQTT_ADAPTER_WS_PORT",
        "ops": "MF_MQTT_ADAPTER_OPS_PORT",
    },
}
ADAPTERS = ("http-adapter", "ws-adapter", "mqtt-adapter")
HOSTS = ("MF_USERS_HTTP", "MF_THINGS_HTTP", "MF_HTTP_ADAPTER", "MF_WS_ADAPTER", "MF_MQTT_ADAPTER")


def binary(name: str) -> pathlib.Path:
    return BINARY.parent / name


class SeparateProgram(Program):
    """One of the five, as `name`; several copies have the same."""

    def __init__(
        self,
        name: str,
        directory: pathlib.Path,
        variables: dict[str, str],
        label: str | None = None,
        ca: pathlib.Path | None = None,
    ):
        ports = dict(zip(PORTS[name], free_ports(len(PORTS[name]))))
        given = {**{PORTS[name][listener]: str(port) for listener, port in ports.items()}, **variables}
        super().__init__([str(binary(name))], directory, ports, given, ca)
        self.tls_prefixes = TLS_PREFIXES | {"ops": PORTS[name]["ops"].removesuffix("_PORT")}
        self.kind, self.name = name, label or name
        self.log_file = directory / f"{self.name}.log"


class View(Platform):
    """A platform as tests know it, its listeners taken from one copy of each program."""

    # What is answered by one process must first be heard of by the others.
    cut_bound = 0.1

    def __init__(self, programs: list[SeparateProgram], all_programs: list[SeparateProgram]):
        ports = {name: port for each in programs for name, port in each.ports.items() if name != "ops"}
        variables = {name: value for each in programs for name, value in each.variables.items()}
        super().__init__(ports, variables)
        self.programs, self.all_programs = programs, all_programs
        self.verify = programs[0].verify

    def program(self, kind: str) -> SeparateProgram:
        return next(each for each in self.programs if each.kind == kind)

    def metrics(self) -> dict[str, float]:
        """The sums over the programs of this view."""
        sums: dict[str, float] = {}
        for each in self.programs:
            for name, value in each.metrics().items():
                sums[name] = sums.get(name, 0) + value
        return sums

    def check(self) -> None:
        for each in self.all_programs:
            each.check()

    def log(self) -> str:
        return "".join(each.log() for each in self.programs)


class SeparatePrograms:
    """PostgreSQL, NATS, `users`, `things` and copies of each adapter.

    `variables` are for all programs; `own` for those that it names, as `{"users": {"MF_USERS_SERVER_CERT": …}}`.
    """

    def __init__(
        self,
        directory: pathlib.Path,
        copies: int = 2,
        own: dict[str, dict[str, str]] | None = None,
        ca: pathlib.Path | None = None,
        postgres: Postgres | None = None,
        nats: NATS | None = None,
        **variables: str,
    ):
        self.postgres = postgres or Postgres()
        self.nats = nats or NATS()
        shared = {
            **{"MF_ENV": "development", "MF_LIMITS_OFF": "true", "MF_NATS_URL": self.nats.url},
            "MF_EVENT_LOOPS": "2",  # As Server has it.
            **{f"{prefix}_HOST": "127.0.0.1" for prefix in HOSTS},
            **variables,
        }

        def made(name: str, label: str | None = None, **more: str) -> SeparateProgram:
            return SeparateProgram(name, directory, {**shared, **more, **(own or {}).get(name, {})}, label, ca)

        self.users = made("users", MF_USERS_SECRET=secrets.token_hex(32), **self.postgres.variables("MF_USERS_DB"))
        self.things = made(
            "things",
            MF_THINGS_SECRET=secrets.token_hex(32),
            MF_USERS_URL=f"localhost:{self.users.ports['users-grpc']}",
            **self.postgres.variables("MF_THINGS_DB"),
        )
        target = f"localhost:{self.things.ports['things-grpc']}"
        self.adapters = {
            name: [made(name, f"{name}-{number}", MF_THINGS_URL=target) for number in range(1, copies + 1)]
            for name in ADAPTERS
        }

    @property
    def programs(self) -> list[SeparateProgram]:
        return [self.users, self.things, *(copy for copies in self.adapters.values() for copy in copies)]

    def start(self, ready: tuple[str, ...] = ()) -> "SeparatePrograms":
        """`ready`: the programs that are waited for; all, unless some are named."""
        try:
            for engine in (self.postgres, self.nats):
                engine.start()
            for each in self.programs:
                each.launch()
            for each in self.programs:
                if not ready or each.kind in ready:
                    each.await_ready()
        except BaseException:
            self.end()
            raise
        return self

    @contextlib.contextmanager
    def running(self):
        """For as long as that lasts; all must have lived, and end as they should."""
        try:
            yield self.start()
            self.check()
            assert set(self.stop().values()) == {0}
        finally:
            self.end()

    def program(self, name: str) -> SeparateProgram:
        return next(each for each in self.programs if each.name == name)

    def view(self, http: int = 0, ws: int = 0, mqtt: int = 0) -> View:
        """The platform with these copies of the adapters, counted from 0."""
        chosen = [self.adapters[name][number] for name, number in zip(ADAPTERS, (http, ws, mqtt))]
        return View([self.users, self.things, *chosen], self.programs)

    def pids(self) -> dict[str, int]:
        return {each.name: each.process.pid for each in self.programs}

    def check(self) -> None:
        """Fails if one of them has died, or if a log tells of a trap."""
        for each in self.programs:
            each.check()

    def stop(self) -> dict[str, int]:
        """Ends all as an operator would, and says with which code each ended."""
        try:
            for copies in self.adapters.values():
                for each in copies:
                    each.terminate()
            return {each.name: each.stop() for each in reversed(self.programs)}
        finally:
            self.end()

    def end(self) -> None:
        """Leaves nothing behind, whatever state it is in."""
        for each in self.programs:
            if each.process and each.process.poll() is None:
                each.kill()
        for engine in (self.nats, self.postgres):
            engine.stop()


class Alternating(View):
    """The separate programs as one platform whose MQTT clients come to one copy of the adapter after the other."""

    def __init__(self, programs: SeparatePrograms):
        first = programs.view()
        super().__init__(first.programs, first.all_programs)
        self._mqtt = itertools.cycle(each.ports["mqtt"] for each in programs.adapters["mqtt-adapter"])

    def connect(self, listener: str, timeout: float = 5):
        if listener == "mqtt":
            self.ports["mqtt"] = next(self._mqtt)
        return super().connect(listener, timeout)
