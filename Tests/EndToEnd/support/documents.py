"""Cuts the shell blocks out of a document, so that they can be run as a reader would paste them."""

import pathlib
import re
import subprocess

import pytest

# A fenced block, and an HTML comment right before it that says why it is not run.
BLOCK = re.compile(r"(?:<!-- not run: (?P<reason>[^>]+?) -->\s*\n)?^```sh\n(?P<script>.*?)^```", re.M | re.S)

DEFAULT_PORTS = {
    "users": 8180,
    "things": 8182,
    "auth": 8989,
    "http": 8185,
    "ws": 8186,
    "mqtt": 1883,
    "mqtts": 8883,
    "mqttws": 8880,
    "ops": 8190,
}


def blocks(document: pathlib.Path) -> list[str]:
    return [match["script"] for match in BLOCK.finditer(document.read_text()) if not match["reason"]]


def with_ports(script: str, ports: dict[str, int]) -> str:
    """The script with the default ports replaced by those where the server of the test listens."""
    for name, port in DEFAULT_PORTS.items():
        script = re.sub(rf"(?<=[\w.]:){port}\b|(?<=-p ){port}\b", str(ports[name]), script)
    return script


def paste(script: str, directory: pathlib.Path, environment: dict[str, str]) -> str:
    """Runs a script to its end in a shell that stops at the first failure, and answers what it printed."""
    ended = subprocess.run(
        ["bash", "-euo", "pipefail", "-x", "-c", script],
        env=environment,
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=60,
    )
    if ended.returncode != 0:
        pytest.fail(f"ended with {ended.returncode}\n{ended.stdout}\n{ended.stderr}")
    return ended.stdout
