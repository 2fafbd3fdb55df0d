"""`fluxgate dev`: everything on one machine by one command, and gone by one Ctrl-C."""

import os
import pathlib
import re
import selectors
import signal
import subprocess
import time

import pytest

from support.server import BINARY, REPOSITORY

QUICKSTART = REPOSITORY / "examples/quickstart.sh"
ADAPTERS = ("http-adapter", "ws-adapter", "mqtt-adapter")
PROGRAMS = {"postgres", "nats-server", "users", "things", *ADAPTERS, *(f"{name}-2" for name in ADAPTERS)}


def _family(root: int) -> set[str]:
    """The processes that descend from this one: id, when each began, and what it is."""
    listed = subprocess.run(["ps", "-eo", "pid=,ppid=,lstart=,args="], capture_output=True, text=True, check=True)
    rows = [line.split(None, 2) for line in listed.stdout.splitlines()]
    family = {str(root)}
    while more := {pid for pid, parent, _ in rows if parent in family} - family:
        family |= more
    return {f"{pid} {rest}" for pid, _, rest in rows if pid in family}


def _read_until(process: subprocess.Popen, wanted: str, within: float = 60) -> str:
    text, deadline = "", time.monotonic() + within
    with selectors.DefaultSelector() as watched:
        watched.register(process.stdout, selectors.EVENT_READ)
        while not re.search(wanted, text):
            assert watched.select(deadline - time.monotonic()), f"not printed in {within} s: {text}"
            data = os.read(process.stdout.fileno(), 65_536)
            assert data, f"ended with {process.wait(10)}: {text}"
            text += data.decode()
    return text


@pytest.fixture
def dev(program, tmp_path):
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MF_")}
    process = subprocess.Popen(
        [BINARY, "dev", "--copies", "2"],
        env={**environment, "MF_ENV": "development", "MF_LIMITS_OFF": "true"},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    yield process
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)
    process.stdout.close()


def test_one_command_starts_it_all_and_one_ctrl_c_leaves_nothing_behind(dev, tmp_path):
    told = _read_until(dev, r"export .*\n")
    folder = pathlib.Path(re.search(r"data and logs\s+(\S+)", told)[1])
    exported = dict(each.split("=") for each in re.search(r"export (.*)", told)[1].split())
    assert {each.stem for each in folder.glob("*.log")} == PROGRAMS

    ended = subprocess.run(
        [QUICKSTART],
        env={**os.environ, **exported, "FLUXGATE_BINARY": str(BINARY)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 0, f"{ended.stdout}\n{ended.stderr}"

    family = _family(dev.pid)
    assert len(family) > len(PROGRAMS)
    os.killpg(dev.pid, signal.SIGINT)  # As a terminal does.
    assert dev.wait(30) == 0
    everybody = _family(1) | _family(0)
    assert [each for each in family if each in everybody] == []
    assert not folder.exists()
