"""Runs docker/docker-compose.yml as a fresh clone has it, on images of Debian's packages and our release programs."""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import time

import requests

from support.pki import PKI
from support.server import BINARY, REPOSITORY, free_ports

MODES = ("key", "x509")
PROGRAMS = ("users", "things", "http-adapter", "ws-adapter", "mqtt-adapter")
SERVICES = (*PROGRAMS, "users-db", "things-db", "nats", "nginx")
UP, DOWN, COMMAND = 600, 120, 60  # Seconds; the images are built in the first.

# How the listeners of the separate programs are reached from outside: paths on 443, and 8883.
PREFIXES = {"http": "/http", "ws": "/ws"}


class Composition:
    """One running composition. Where it is asked what a Server is asked for, it answers for the edge."""

    def __init__(self, directory: pathlib.Path, mode: str):
        self.mode, self.project = mode, f"fluxgate-{mode}-{os.getpid()}"
        self.pki = PKI(directory)
        self.verify = str(self.pki.ca)
        shutil.copytree(REPOSITORY / "docker", directory / "docker", symlinks=True)
        self.docker, self.directory = directory / "docker", directory
        edge, mqtts, mqtt = free_ports(3)
        self.ports = {"edge": edge, "mqtts": mqtts, "mqtt": mqtt}
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("MF_")},
            "AUTH": mode,
            "FLUXGATE_BINARIES": str(BINARY.parent.resolve()),
            "MF_NGINX_HOST": "127.0.0.1",
            "MF_NGINX_SSL_PORT": str(edge),
            "MF_NGINX_MQTTS_PORT": str(mqtts),
            "MF_NGINX_MQTT_PORT": str(mqtt),
        }

    # --- compose -----------------------------------------------------------------------------------------------------

    def compose(self, *arguments: str, timeout: float = COMMAND, tested: bool = True) -> str:
        files = ["-f", str(self.docker / "docker-compose.yml")]
        files += ["-f", str(self.docker / "compose.debian.yml")] if tested else []
        command = ["docker", "compose", "--ansi", "never", "-p", self.project, *files, *arguments]
        ended = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=timeout)
        assert ended.returncode == 0, f"{' '.join(arguments)}: {ended.returncode}\n{ended.stdout}\n{ended.stderr}"
        return ended.stdout

    def start(self) -> "Composition":
        self.compose("up", "--detach", "--build", "--quiet-pull", timeout=UP)
        self.await_answer("/version", 200)
        return self

    def end(self) -> None:
        self.compose("down", "--volumes", "--timeout", "10", timeout=DOWN)

    def configuration(self, tested: bool) -> dict:
        return json.loads(self.compose("config", "--format", "json", tested=tested))

    def logs(self, *services: str) -> str:
        return self.compose("logs", "--no-color", *services)

    def containers(self, service: str) -> list[dict]:
        """What the engine knows of each container of a service."""
        ids = self.compose("ps", "--all", "--quiet", service).split()
        assert ids, f"there is no container of {service}"
        return json.loads(subprocess.run(["docker", "inspect", *ids], capture_output=True, check=True).stdout)

    def run_in(self, service: str, script: str) -> subprocess.CompletedProcess:
        """A line of bash in a program's container."""
        (container, *_) = self.containers(service)
        command = ["docker", "exec", container["Id"], "bash", "-c", script]
        return subprocess.run(command, capture_output=True, text=True, timeout=COMMAND)

    # --- the edge ----------------------------------------------------------------------------------------------------

    def prefix(self, listener: str) -> str:
        return PREFIXES.get(listener, "")

    def url(self, listener: str, path: str = "") -> str:
        return f"https://localhost:{self.ports['edge']}{self.prefix(listener)}{path}"

    def connect(self, listener: str, timeout: float = 10) -> socket.socket:
        port = self.ports[listener if listener in ("mqtt", "mqtts") else "edge"]
        connection = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def address(self, service: str, network: str = "edge") -> str:
        """Where a service is for its neighbours: this machine reaches them, nobody outside does."""
        (container, *_) = self.containers(service)
        return container["NetworkSettings"]["Networks"][f"{self.project}_{network}"]["IPAddress"]

    def inside(self, service: str, port: int, timeout: float = 10) -> socket.socket:
        """Straight to a program, past the edge: as another container could, and nobody outside."""
        return socket.create_connection((self.address(service), port), timeout=timeout)

    def await_answer(self, path: str, *expected: int, seconds: float = 60, **options) -> requests.Response:
        """Asks until the answer is one of those; a copy may need a moment to be found or to be missed."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                answer = requests.request(
                    options.get("method", "GET"),
                    self.url("edge", path),
                    verify=self.verify,
                    timeout=10,
                    **{name: value for name, value in options.items() if name != "method"},
                )
                if answer.status_code in expected:
                    return answer
                last = f"{answer.status_code} {answer.text}"
            except requests.ConnectionError as error:
                last = repr(error)
            assert time.monotonic() < deadline, f"{path} is not answered with {expected}: {last}"
            time.sleep(0.1)
