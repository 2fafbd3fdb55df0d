"""The scripts that the documentation shows do what they say, and notice when it is not so."""

import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest

from support.programs import ONE_PROGRAM, SEPARATE_PROGRAMS
from support.server import BINARY, PORT_VARIABLES, REPOSITORY

PLATFORMS = [ONE_PROGRAM, SEPARATE_PROGRAMS]
QUICKSTART = REPOSITORY / "examples/quickstart.sh"
ALL_TLS = REPOSITORY / "examples/all-tls.sh"


def _run(server, **variables: str) -> subprocess.CompletedProcess:
    ports = {variable: str(server.ports[name]) for name, variable in PORT_VARIABLES.items() if name in server.ports}
    environment = {**os.environ, **ports, "FLUXGATE_BINARY": str(BINARY), **variables}
    return subprocess.run([QUICKSTART], env=environment, capture_output=True, text=True, timeout=60)


def test_the_quickstart_delivers_each_message_to_both_subscribers(server):
    ended = _run(server)

    if ended.returncode != 0:
        pytest.fail(f"ended with {ended.returncode}\n{ended.stdout}\n{ended.stderr}")
    assert "byte for byte, exactly once" in ended.stdout


def test_the_quickstart_fails_where_there_is_no_platform(server):
    assert _run(server, MF_USERS_HTTP_PORT="1").returncode != 0


def test_the_quickstart_leaves_no_process_behind(server, tmp_path):
    _run(server, TMPDIR=str(tmp_path))

    assert list(tmp_path.iterdir()) == []
    running = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert f"mosquitto_sub -d -h 127.0.0.1 -p {server.ports['mqtt']} " not in running


def test_the_tour_with_everything_encrypted_ends_as_it_should_and_leaves_nothing_behind():
    # PostgreSQL runs as another user, who can't enter the folders of tests.
    folder = pathlib.Path(tempfile.mkdtemp(prefix="fluxgate-e2e-"))
    folder.chmod(0o711)
    try:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MF_")}
        environment |= {"FLUXGATE_BINARY": str(BINARY), "TMPDIR": str(folder)}
        ended = subprocess.run([ALL_TLS], env=environment, capture_output=True, text=True, timeout=120)
        if ended.returncode != 0:
            pytest.fail(f"ended with {ended.returncode}\n{ended.stdout}\n{ended.stderr}")
        assert "byte for byte, exactly once" in ended.stdout
        assert "everybody proved who they are" in ended.stdout
        assert list(folder.iterdir()) == []
        running = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
        assert str(folder) not in running
    finally:
        shutil.rmtree(folder, ignore_errors=True)
