"""Runs a program to its end, with nothing of its environment but what a test gives it."""

import dataclasses
import os
import pathlib
import subprocess
import time

from support.server import BINARY

# Root reads every file unless it gives that right up.
WITHOUT_RIGHTS = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--"] if os.getuid() == 0 else []
WITHIN = 3


@dataclasses.dataclass(frozen=True)
class Ended:
    code: int | None  # None: it had to be killed.
    printed: str
    said: str  # On standard error.
    seconds: float

    @property
    def values(self) -> dict[str, str]:
        """What `--check-config` has printed."""
        lines = (line.partition("=") for line in self.printed.splitlines() if line.startswith("MF_"))
        return {name: value for name, _, value in lines}


def run(name: str, *arguments: str, directory: pathlib.Path | str = "/", **variables: str) -> Ended:
    """The program of that name, which stands beside `fluxgate`."""
    started = time.monotonic()
    command = [*WITHOUT_RIGHTS, str(BINARY.parent / name), *arguments]
    environment = {"PATH": os.environ["PATH"], **variables}
    try:
        ended = subprocess.run(
            command, env=environment, cwd=directory, capture_output=True, text=True, errors="replace", timeout=WITHIN
        )
    except subprocess.TimeoutExpired as overdue:
        said = (overdue.stderr or b"").decode(errors="replace")
        return Ended(None, (overdue.stdout or b"").decode(errors="replace"), said, WITHIN)
    return Ended(ended.returncode, ended.stdout, ended.stderr, time.monotonic() - started)
