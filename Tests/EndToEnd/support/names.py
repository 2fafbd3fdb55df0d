"""A program that sees its own /etc/hosts, so that a test can say which addresses a name has."""

import os
import pathlib
import subprocess

from support.programs import SeparateProgram

# In a mount namespace of its own; who isn't root is root there.
ISOLATED = ["unshare", "--mount"] if os.getuid() == 0 else ["unshare", "--mount", "--map-root-user"]
MOUNTED = 'mount --bind "$0" /etc/hosts && exec "$@"'


def can_be_isolated() -> bool:
    """Whether the machine lets a test do it."""
    command = [*ISOLATED, "sh", "-c", MOUNTED, "/etc/hosts", "true"]
    return subprocess.run(command, capture_output=True, timeout=10).returncode == 0


class WithNames(SeparateProgram):
    """One of the programs; `names` may be changed while it runs."""

    def __init__(self, name: str, directory: pathlib.Path, variables: dict[str, str], names: dict[str, list[str]]):
        super().__init__(name, directory, variables)
        self.hosts = directory / f"{name}.hosts"
        self.set(names)
        self.command = [*ISOLATED, "sh", "-c", MOUNTED, str(self.hosts), *self.command]

    def set(self, names: dict[str, list[str]]) -> None:
        # Written in place: it is this file that is mounted.
        lines = (f"{address} {name}\n" for name, addresses in names.items() for address in addresses)
        self.hosts.write_text("127.0.0.1 localhost\n" + "".join(lines))
