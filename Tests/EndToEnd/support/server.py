"""Runs the real programs: `fluxgate serve` on free loopback ports, with its own data folder and its log in a file."""

import contextlib
import itertools
import os
import pathlib
import random
import re
import signal
import socket
import subprocess
import time

import requests

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]
BINARY = pathlib.Path(os.environ.get("FLUXGATE_BINARY", REPOSITORY / ".build/release/fluxgate"))

# What a Swift program prints when it traps, and what the sanitizers and the kernel say.
CRASH = re.compile(r"Fatal error|Crash|SIGSEGV|SIGILL|SIGTRAP|Precondition failed|Segmentation fault|Sanitizer", re.I)

PORT_VARIABLES = {
    "users": "MF_USERS_HTTP_PORT",
    "things": "MF_THINGS_HTTP_PORT",
    "auth": "MF_THINGS_AUTH_HTTP_PORT",
    "http": "MF_HTTP_ADAPTER_PORT",
    "ws": "MF_WS_ADAPTER_PORT",
    "mqtt": "MF_MQTT_ADAPTER_PORT",
    "mqtts": "MF_MQTT_ADAPTER_TLS_PORT",
    "mqttws": "MF_MQTT_ADAPTER_WS_PORT",
    "ops": "MF_FLUXGATE_OPS_PORT",
}
# Whose `_SERVER_CERT` and `_SERVER_KEY` put a listener on TLS; MQTT over TCP has a second port for it.
TLS_PREFIXES = {
    "users": "MF_USERS",
    "things": "MF_THINGS",
    "auth": "MF_THINGS",
    "http": "MF_HTTP_ADAPTER",
    "ws": "MF_WS_ADAPTER",
    "mqtts": "MF_MQTT_ADAPTER",
    "mqttws": "MF_MQTT_ADAPTER",
    "ops": "MF_FLUXGATE_OPS",
    "users-grpc": "MF_USERS",
    "things-grpc": "MF_THINGS",
}
HTTP_LISTENERS = ("users", "things", "auth", "http", "ws")


# Below those that connections going out are given: they are still free when a program is started again.
_PORTS = itertools.cycle(random.sample(range(15_000, 30_000), 15_000))


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def free_ports(count: int) -> list[int]:
    """Ports that are free now and weren't given to anybody before."""
    return list(itertools.islice(filter(_is_free, _PORTS), count))


class Platform:
    """Where the listeners of a running platform are; `ports["mqtt"]` and so on, `ca` who signed its certificate."""

    tls_prefixes = TLS_PREFIXES
    # How many seconds after the answer a right that was taken may still be used.
    cut_bound = 0.0

    def __init__(self, ports: dict[str, int], variables: dict[str, str], ca: pathlib.Path | None = None):
        self.ports, self.variables = ports, variables
        self.verify = True if ca is None else str(ca)  # For requests.

    def url(self, listener: str, path: str = "") -> str:
        scheme = "https" if self.speaks_tls(listener) else "http"
        return f"{scheme}://127.0.0.1:{self.ports[listener]}{path}"

    def prefix(self, _listener: str) -> str:
        """What stands before the paths of a listener; behind a proxy it isn't nothing."""
        return ""

    def speaks_tls(self, listener: str) -> bool:
        pair = (f"{self.tls_prefixes.get(listener)}_SERVER_{half}" for half in ("CERT", "KEY"))
        return all(each in self.variables for each in pair)

    def connect(self, listener: str, timeout: float = 5) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.ports[listener]), timeout=timeout)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def metrics(self) -> dict[str, float]:
        """Every sample of /metrics, by its name with labels."""
        samples = {}
        for line in requests.get(self.url("ops", "/metrics"), timeout=5, verify=self.verify).text.splitlines():
            if line and not line.startswith("#"):
                name, _, value = line.rpartition(" ")
                samples[name] = float(value)
        return samples

    def refusals(self, protocol: str) -> float:
        """How many refusals of one protocol have been counted, whatever the reasons."""
        return sum(
            value
            for name, value in self.metrics().items()
            if name.startswith("fluxgate_refused_total{") and f'protocol="{protocol}"' in name
        )

    @contextlib.contextmanager
    def counts_a_refusal(self, protocol: str):
        """The block must move an error counter of the protocol."""
        before = self.refusals(protocol)
        yield
        deadline = time.monotonic() + 2
        while self.refusals(protocol) <= before:
            assert time.monotonic() < deadline, f"no fluxgate_refused_total of protocol {protocol} moved"
            time.sleep(0.01)


class Program(Platform):
    """One program with its listeners, which can be started again after it has ended; its log is kept."""

    def __init__(
        self,
        command: list[str],
        directory: pathlib.Path,
        ports: dict[str, int],
        variables: dict[str, str],
        ca: pathlib.Path | None = None,
    ):
        super().__init__(ports, variables, ca)
        self.command, self.directory = command, directory
        self.name = " ".join([pathlib.Path(command[0]).name, *command[1:]])
        self.log_file = directory / "server.log"
        self.process: subprocess.Popen | None = None

    def start(self) -> "Program":
        self.launch()
        return self.await_ready()

    def launch(self) -> "Program":
        """Starts it without waiting for anything."""
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("MF_")}
        with open(self.log_file, "ab") as log:
            self.process = subprocess.Popen(
                self.command,
                env={**inherited, **self.variables},
                cwd=self.directory,
                stdout=log,
                stderr=log,
                restore_signals=False,  # Python ignores SIGXFSZ, and so must the program where a test limits its files.
            )
        return self

    def await_ready(self, within: float = 30) -> "Program":
        deadline = time.monotonic() + within
        while (down := self.down()) != []:
            if self.process.poll() is not None:
                raise AssertionError(f"`{self.name}` ended with {self.process.returncode}:\n{self.log()[-4000:]}")
            if time.monotonic() > deadline:
                raise AssertionError(f"`{self.name}` not ready after {within} s: {down}\n{self.log()[-4000:]}")
            time.sleep(0.02)  # Polling is the only way to learn that a port has been opened.
        return self

    def down(self) -> list[str] | None:
        """What the program says it lacks; none of it: it is ready. None: it says nothing."""
        try:
            answer = requests.get(self.url("ops", "/health/ready"), timeout=2, verify=self.verify)
        except requests.RequestException:
            return None
        return [] if answer.status_code == 200 else answer.json()["down"]

    def stop(self) -> int:
        """Ends the program as an operator would, and says with which code it ended."""
        self.terminate()
        try:
            return self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError(f"`{self.name}` still running 20 s after SIGTERM") from None

    def terminate(self) -> None:
        """Tells it to end, without waiting for that."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Ends the program as a crash would."""
        self.process.kill()
        self.process.wait(timeout=20)

    def log(self) -> str:
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def check(self) -> None:
        """Fails if the program has died or its log tells of a trap."""
        code = self.process.poll()
        assert code is None, f"`{self.name}` died with {code}:\n{self.log()[-4000:]}"
        crash = CRASH.search(self.log())
        assert crash is None, f"the log tells of a crash: …{self.log()[max(0, crash.start() - 500):][:2000]}"


class Server(Program):
    """One running `fluxgate serve`."""

    def __init__(
        self,
        directory: pathlib.Path,
        limits_off: bool = True,
        ca: pathlib.Path | None = None,
        under: tuple[str, ...] = (),  # A program that starts ours.
        **variables: str,
    ):
        self.data = directory / "data"
        ports = dict(zip(PORT_VARIABLES, free_ports(len(PORT_VARIABLES))))
        given = {
            "MF_HOST": "127.0.0.1",
            "MF_DATA_DIR": str(self.data),
            "MF_EVENT_LOOPS": "2",  # Messages go from loop to loop, however few cores there are.
            **{PORT_VARIABLES[name]: str(port) for name, port in ports.items()},
            **({"MF_ENV": "development", "MF_LIMITS_OFF": "true"} if limits_off else {}),
            **variables,
        }
        super().__init__([*under, str(BINARY), "serve"], directory, ports, given, ca)

    def opened(self) -> dict[str, int]:
        """The ports that listen, where no variable says otherwise."""
        closed = {
            "mqtt": any(each in self.variables for each in ("MF_MQTT_ADAPTER_CLIENT_CA_CERTS", "MF_REQUIRE_TLS")),
            "mqtts": not self.speaks_tls("mqtts"),
        }
        return {name: port for name, port in self.ports.items() if not closed.get(name)}
