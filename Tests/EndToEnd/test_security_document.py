"""The shell blocks of docs/security.md work when pasted: those up to `make run` in one shell, the others in a second."""

import os
import pathlib
import shutil
import sys

import pytest

from support.documents import blocks, paste, with_ports
from support.server import BINARY, REPOSITORY, Server

START = "make run\n"


@pytest.fixture(scope="module")
def pasted(tmp_path_factory) -> tuple[str, str]:
    """What the second shell printed, and the log of the platform that the first one started."""
    directory = tmp_path_factory.mktemp("security")
    shutil.copytree(REPOSITORY / "ssl", directory / "ssl", ignore=shutil.ignore_patterns("certs"))
    before, separator, after = "\n".join(blocks(REPOSITORY / "docs/security.md")).partition(START)
    assert separator, "the page no longer starts the platform with `make run`"
    tools = f"{BINARY.parent}:{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {"PATH": tools, "HOME": str(directory)}

    listed = paste(before + "env -0", directory, environment).split("\0")
    exported = dict(line.rpartition("\n")[2].split("=", 1) for line in listed if "=" in line)
    variables = {name: value for name, value in exported.items() if name.startswith("MF_")}
    server = Server(directory, limits_off=False, ca=directory / "ssl/certs/ca.crt", **variables).start()
    try:
        output = paste(with_ports(after, server.ports), directory, environment)
        server.check()
    finally:
        server.stop()
    return output, server.log()


def test_every_message_arrives_however_the_certificate_was_shown(pasted):
    output, _ = pasted

    assert "202\n" in output, "curl with the certificate alone"
    for value in ("22.0", "22.5", "23.0", "23.5"):
        assert output.count(f'"v": {value}') == 1, f"{value} in:\n{output}"
    assert '"v": 99' not in output


def test_a_key_of_another_thing_beside_the_certificate_is_forbidden(pasted):
    output, log = pasted

    assert '"status": 403' in output and "the key isn't the one in the client certificate" in output
    assert "reason=key_mismatch" in log


def test_nothing_is_plain(pasted):
    _, log = pasted

    assert "http://" not in log and "ws://" not in log.replace("wss://", "") and "mqtt://" not in log
