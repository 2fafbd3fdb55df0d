"""A reconnect storm: how fast one adapter finds out about 100,000 things that it doesn't know."""

import json
import os
import subprocess

import pytest

from support.api import Account
from support.programs import SeparatePrograms
from support.server import BINARY

THINGS = int(os.environ.get("FLUXGATE_COLD_THINGS", "20000"))
AT_ONCE = 5_000


@pytest.fixture(scope="module")
def platform(program, tmp_path_factory):
    running = SeparatePrograms(tmp_path_factory.mktemp("cold")).start()
    try:
        yield running
        running.check()
    finally:
        running.end()


@pytest.fixture(scope="module")
def admissions(platform, tmp_path_factory):
    account = Account(platform.view())
    channel = account.channel()
    lines = []
    for begin in range(0, THINGS, AT_ONCE):
        count = min(AT_ONCE, THINGS - begin)
        made = account.call("things", "POST", "/things/bulk", json=[{}] * count, expect=201, timeout=60).json()["things"]
        body = {"channel_ids": [channel], "thing_ids": [each["id"] for each in made]}
        account.call("things", "POST", "/connect", json=body, expect=200, timeout=60)
        lines += [f"{each['key']} {channel}\n" for each in made]
    file = tmp_path_factory.mktemp("cold") / "admissions"
    file.write_text("".join(lines))
    return file


def _load(platform, file, mode: str) -> dict:
    target = f"127.0.0.1:{platform.things.ports['things-grpc']}"
    done = subprocess.run(
        [BINARY.parent / "accessload", target, file, "--mode", mode], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_stream_of_batches_is_many_times_faster_than_a_call_for_each_question(platform, admissions, capsys):
    few = admissions.with_suffix(".few")
    few.write_text("".join(admissions.read_text().splitlines(keepends=True)[:5_000]))
    stream, calls = _load(platform, admissions, "stream"), _load(platform, few, "calls")
    with capsys.disabled():
        print(f"\n{THINGS} things: {stream}\n{calls}")
    assert (stream["questions"], stream["refused"]) == (2 * THINGS, 0)
    assert (calls["questions"], calls["refused"]) == (10_000, 0)
    assert stream["per_second"] > 4 * calls["per_second"]
