"""PostgreSQL and NATS, run privately on the loopback address from the packages that are installed."""

import contextlib
import os
import pathlib
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import requests

from support.server import free_ports

# PostgreSQL refuses to run as root.
AS_SERVER = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--"] if os.getuid() == 0 else []
WAIT = 30


def _programs() -> pathlib.Path:
    """Debian keeps the server's programs out of the path."""
    packaged = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    found = shutil.which("initdb") or (packaged[-1] if packaged else None)
    assert found, "there is no PostgreSQL server: scripts/install-packages test"
    return pathlib.Path(found).resolve().parent  # A link in the path may stand alone there.


class Engine:
    """A process with a port; it can be killed, and started again on what it has stored."""

    def __init__(self, port: int | None = None):
        self.port = port or free_ports(1)[0]
        # Outside of pytest's folders, which other users can't enter.
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="fluxgate-e2e-"))
        self.log_file = self.directory / "log"
        self.process: subprocess.Popen | None = None

    def start(self):
        deadline = time.monotonic() + WAIT
        while not self._is_up():
            if self.process is None or self.process.poll() is not None:
                # After a kill it may take a moment until its port and its memory are given back.
                assert time.monotonic() < deadline, f"doesn't start:\n{self.log()[-2000:]}"
                with open(self.log_file, "ab") as log:
                    self.process = subprocess.Popen(self._command(), cwd="/", stdout=log, stderr=log)
            assert time.monotonic() < deadline, f"doesn't answer:\n{self.log()[-2000:]}"
            time.sleep(0.02)  # Polling is the only way to learn that it is there.
        return self

    def kill(self) -> None:
        """As a crash would."""
        self.process.kill()
        self.process.wait(timeout=WAIT)

    def stop(self) -> None:
        """Ends it, if it runs, and removes what it has stored."""
        try:
            if self.process:
                self.process.send_signal(self.end_signal)
                self.process.wait(timeout=WAIT)
        finally:
            if self.process:
                self.process.kill()
            shutil.rmtree(self.directory, ignore_errors=True)

    def log(self) -> str:
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    end_signal = signal.SIGTERM

    def _command(self) -> list[str]:
        raise NotImplementedError

    def _is_up(self) -> bool:
        raise NotImplementedError


class Postgres(Engine):
    """A PostgreSQL with the databases `users` and `things`. `settings` are the server's own (`ssl="on"` and so on);
    `access` replaces the lines of pg_hba.conf."""

    end_signal = signal.SIGINT  # On SIGTERM it would wait for its clients.
    user = "fluxgate"

    def __init__(self, port: int | None = None, access: tuple[str, ...] | None = None, **settings: str):
        super().__init__(port)
        self.bin, self.data, self.settings = _programs(), self.directory / "data", settings
        self.password = secrets.token_hex(16)
        passwords = self.directory / "password"
        passwords.write_text(self.password)
        if AS_SERVER:
            for each in (self.directory, passwords):
                shutil.chown(each, "postgres", "postgres")
        made = [self.bin / "initdb", f"--pgdata={self.data}", f"--username={self.user}", f"--pwfile={passwords}"]
        subprocess.run(
            [*AS_SERVER, *made, "--auth=scram-sha-256", "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8"],
            cwd=self.directory,
            check=True,
            capture_output=True,
        )
        passwords.unlink()
        if access:
            (self.data / "pg_hba.conf").write_text("\n".join(access) + "\n")
        subprocess.run(
            [*AS_SERVER, self.bin / "postgres", "--single", "-D", self.data, "postgres"],
            input=b"CREATE DATABASE users;\nCREATE DATABASE things;\n",
            cwd=self.directory,
            check=True,
            capture_output=True,
        )

    def variables(self, prefix: str) -> dict[str, str]:
        """For the program whose variables begin so: MF_USERS_DB or MF_THINGS_DB."""
        return {
            f"{prefix}_HOST": "127.0.0.1",
            f"{prefix}_PORT": str(self.port),
            f"{prefix}_USER": self.user,
            f"{prefix}_PASS": self.password,
        }

    def query(self, statement: str, database: str = "postgres", **environment: str) -> list[list[str]]:
        """The rows of an answer, as text; a variable such as PGSSLMODE says how to connect."""
        ended = subprocess.run(
            [self.bin / "psql", "-XAtq", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-c", statement],
            env={
                **{"PATH": os.environ["PATH"], "PGHOST": "127.0.0.1", "PGPORT": str(self.port)},
                **{"PGUSER": self.user, "PGPASSWORD": self.password, "PGDATABASE": database},
                **environment,
            },
            capture_output=True,
            text=True,
            timeout=WAIT,
        )
        assert ended.returncode == 0, ended.stderr
        return [line.split("\t") for line in ended.stdout.splitlines()]

    def _command(self) -> list[str]:
        # What a crash of the machine would lose, no test misses.
        settings = {
            **{"listen_addresses": "127.0.0.1", "port": str(self.port), "unix_socket_directories": str(self.directory)},
            **{"fsync": "off", "max_connections": "200"},
            **self.settings,
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [*AS_SERVER, str(self.bin / "postgres"), "-D", str(self.data), *options]

    def _is_up(self) -> bool:
        asked = [self.bin / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return self.process is not None and subprocess.run(asked, timeout=WAIT).returncode == 0


class NATS(Engine):
    """A nats-server, with JetStream if told so; `options` are more of its command line."""

    def __init__(self, port: int | None = None, options: tuple[str, ...] = (), jetstream: bool = False):
        super().__init__(port)
        self.monitor, self.options = free_ports(1)[0], options
        if jetstream:
            self.options += ("-js", "-sd", str(self.directory / "jetstream"))

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    def subscriptions(self) -> list[list[str]]:
        """The subjects that each connection wants."""
        listed = requests.get(f"http://127.0.0.1:{self.monitor}/connz", params={"subs": 1, "limit": 1024}, timeout=5)
        return [each.get("subscriptions_list", []) for each in listed.json()["connections"]]

    def _command(self) -> list[str]:
        return ["nats-server", "-a", "127.0.0.1", "-p", str(self.port), "-m", str(self.monitor), *self.options]

    def _is_up(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
            return connection.recv(4).startswith(b"INFO")
        return False
