"""The quickstart, and the security guide's commands, on 443 and 8883."""

import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

from support.documents import blocks, paste
from support.server import BINARY, REPOSITORY

SERVICE = re.compile(r"https://localhost:818[02]\b")
HTTP, WS = re.compile(r"https://localhost:8185\b"), re.compile(r"wss://localhost:8186\b")
MQTTS = re.compile(r"\b8883\b")


def _variables(composition) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": os.environ.get("HOME", "/"),
        "FLUXGATE_BINARY": str(BINARY),
        "MF_FLUXGATE_USERS_URL": composition.url("users"),
        "MF_FLUXGATE_THINGS_URL": composition.url("things"),
        "MF_FLUXGATE_HTTP_URL": composition.url("http"),
        "MF_FLUXGATE_WS_URL": composition.url("ws").replace("https://", "wss://"),
        "MF_FLUXGATE_MQTT_URL": f"mqtts://localhost:{composition.ports['mqtts']}",
        "MF_FLUXGATE_CA_CERTS": composition.verify,
        **({"FLUXGATE_SSL": str(composition.directory / "ssl")} if composition.mode == "x509" else {}),
    }


def _quickstart(environment: dict[str, str]) -> None:
    script = REPOSITORY / "examples/quickstart.sh"
    ended = subprocess.run([script], env=environment, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, f"{ended.stdout}\n{ended.stderr}"
    assert "byte for byte, exactly once" in ended.stdout


def test_the_quickstart_delivers_each_message_to_both_subscribers(composition):
    _quickstart(_variables(composition))


@pytest.mark.mode("key")
def test_the_quickstart_delivers_over_mqtt_without_tls_too(composition):
    plain = f"mqtt://127.0.0.1:{composition.ports['mqtt']}"
    _quickstart({**_variables(composition), "MF_FLUXGATE_MQTT_URL": plain})


@pytest.mark.mode("x509")
def test_the_security_guide_works_when_pasted(composition, tmp_path):
    """Its second shell: what comes after the start, in a folder that has the certificates of the composition."""
    _, _, script = "\n".join(blocks(REPOSITORY / "docs/security.md")).partition("make run\n")
    assert script, "the page no longer starts the platform with `make run`"
    script = SERVICE.sub(composition.url("users"), script)
    script = HTTP.sub(composition.url("http"), script)
    script = WS.sub(composition.url("ws").replace("https://", "wss://"), script)
    script = MQTTS.sub(str(composition.ports["mqtts"]), script)
    shutil.copytree(composition.directory / "ssl", tmp_path / "ssl")
    tools = f"{BINARY.parent}:{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}"

    output = paste(script, tmp_path, {"PATH": tools, "HOME": str(tmp_path)})

    assert "202\n" in output, "curl with the certificate alone"
    for value in ("22.0", "22.5", "23.0", "23.5"):
        assert output.count(f'"v": {value}') == 1, f"{value} in:\n{output}"
    assert '"v": 99' not in output
    assert '"status": 403' in output and "the key isn't the one in the client certificate" in output
