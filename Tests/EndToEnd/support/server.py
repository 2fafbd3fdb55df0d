"""Runs the real program: `fluxgate serve` on free loopback ports, with its own data folder and its log in a file."""

import contextlib
import os
import pathlib
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
}
HTTP_LISTENERS = ("users", "things", "auth", "http", "ws")


def free_ports(count: int) -> list[int]:
    """Ports that are free now; all are held at once, so that no two are alike."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


class Server:
    """One running `fluxgate serve`; `ports["mqtt"]` and so on say where it listens, `ca` who signed its certificate."""

    def __init__(
        self,
        directory: pathlib.Path,
        limits_off: bool = True,
        ca: pathlib.Path | None = None,
        under: tuple[str, ...] = (),  # A program that starts ours.
        **variables: str,
    ):
        self.directory, self.under = directory, under
        self.data = directory / "data"
        self.log_file = directory / "server.log"
        self.verify = True if ca is None else str(ca)  # For requests.
        self.ports = dict(zip(PORT_VARIABLES, free_ports(len(PORT_VARIABLES))))
        self.variables = {
            "MF_HOST": "127.0.0.1",
            "MF_DATA_DIR": str(self.data),
            **{PORT_VARIABLES[name]: str(port) for name, port in self.ports.items()},
            **({"MF_ENV": "development", "MF_LIMITS_OFF": "true"} if limits_off else {}),
            **variables,
        }
        self.process: subprocess.Popen | None = None

    def start(self) -> "Server":
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("MF_")}
        with open(self.log_file, "ab") as log:
            self.process = subprocess.Popen(
                [*self.under, str(BINARY), "serve"],
                env={**inherited, **self.variables},
                cwd=self.directory,
                stdout=log,
                stderr=log,
                restore_signals=False,  # Python ignores SIGXFSZ, and so must the program where a test limits its files.
            )
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(f"`fluxgate serve` ended with {self.process.returncode}:\n{self.log()[-4000:]}")
            with contextlib.suppress(requests.ConnectionError):
                if requests.get(self.url("ops", "/health/ready"), timeout=1, verify=self.verify).status_code == 200:
                    return self
            time.sleep(0.02)  # Polling is the only way to learn that a port has been opened.
        raise AssertionError(f"not ready after 30 s:\n{self.log()[-4000:]}")

    def stop(self) -> int:
        """Ends the program as an operator would, and says with which code it ended."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError("still running 20 s after SIGTERM") from None

    def url(self, listener: str, path: str = "") -> str:
        scheme = "https" if self.speaks_tls(listener) else "http"
        return f"{scheme}://127.0.0.1:{self.ports[listener]}{path}"

    def prefix(self, _listener: str) -> str:
        """What stands before the paths of a listener; behind a proxy it isn't nothing."""
        return ""

    def speaks_tls(self, listener: str) -> bool:
        pair = (f"{TLS_PREFIXES.get(listener)}_SERVER_{half}" for half in ("CERT", "KEY"))
        return all(each in self.variables for each in pair)

    def opened(self) -> dict[str, int]:
        """The ports that listen, where no variable says otherwise."""
        closed = {
            "mqtt": any(each in self.variables for each in ("MF_MQTT_ADAPTER_CLIENT_CA_CERTS", "MF_REQUIRE_TLS")),
            "mqtts": not self.speaks_tls("mqtts"),
        }
        return {name: port for name, port in self.ports.items() if not closed.get(name)}

    def log(self) -> str:
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def check(self) -> None:
        """Fails if the program has died or its log tells of a trap."""
        assert self.process.poll() is None, f"the server died with {self.process.returncode}:\n{self.log()[-4000:]}"
        crash = CRASH.search(self.log())
        assert crash is None, f"the log tells of a crash: …{self.log()[max(0, crash.start() - 500):][:2000]}"

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
