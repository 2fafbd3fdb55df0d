"""The shell blocks of the README work when pasted, in their order, in one shell."""

import os
import re
import subprocess

import pytest

from support.server import BINARY, PORT_VARIABLES, REPOSITORY

# A fenced block, and an HTML comment right before it that says why it is not run.
BLOCK = re.compile(r"(?:<!-- not run: (?P<reason>[^>]+?) -->\s*\n)?^```sh\n(?P<script>.*?)^```", re.M | re.S)
DEFAULTS = {
    "users": 8180,
    "things": 8182,
    "auth": 8989,
    "http": 8185,
    "ws": 8186,
    "mqtt": 1883,
    "mqttws": 8880,
    "ops": 8190,
}


def blocks() -> list[str]:
    readme = (REPOSITORY / "README.md").read_text()
    return [match["script"] for match in BLOCK.finditer(readme) if not match["reason"]]


def test_the_marker_excludes_a_block_and_only_the_one_behind_it():
    text = "<!-- not run: takes an hour -->\n```sh\na\n```\n\n```sh\nb\n```\n"
    assert [(match["script"], match["reason"]) for match in BLOCK.finditer(text)] == [
        ("a\n", "takes an hour"),
        ("b\n", None),
    ]


def test_the_default_ports_are_those_that_the_tests_replace():
    assert DEFAULTS.keys() == PORT_VARIABLES.keys()


def test_the_blocks_work_when_pasted(server, tmp_path):
    script = "\n".join(blocks())
    assert script, "the README has no shell blocks"
    for name, port in DEFAULTS.items():
        script = re.sub(rf"(?<=[\w.]:){port}\b|(?<=-p ){port}\b", str(server.ports[name]), script)
    environment = {**os.environ, "PATH": f"{BINARY.parent}:{os.environ['PATH']}", "HOME": str(tmp_path)}

    ended = subprocess.run(
        ["bash", "-euo", "pipefail", "-x", "-c", script],
        env=environment,
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=60,
    )

    if ended.returncode != 0:
        pytest.fail(f"ended with {ended.returncode}\n{ended.stdout}\n{ended.stderr}")
