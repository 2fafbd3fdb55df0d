"""More load than the platform can serve: it slows its publishers down, and its memory is bounded."""

import contextlib
import os
import time

import pytest

from support.api import Account, publish_http
from support.engines import NATS
from support.flooding import Audience, Flood, Pulse, innocent, liveness, peak_memory, settle
from support.programs import SeparatePrograms
from support.server import Server

SECONDS = float(os.environ.get("FLUXGATE_OVERLOAD_SECONDS", "60"))
SHORTER = float(os.environ.get("FLUXGATE_OVERLOAD_SECONDS", "8"))
MOST_MEMORY = 512  # MiB, as the composition gives to each program.
MQTT_PUBLISHERS, HTTP_PUBLISHERS, SUBSCRIBERS = 100, 4, 2


class Tenant:
    def __init__(self, view):
        self.account = Account(view)
        self.channel, self.publisher, self.listener = self.account.pair()


class Outcome:
    """What the publishers and the subscribers tell."""

    def __init__(self, told: list[dict], heard: list[dict]):
        publishers = [each for one in told for each in one["publishers"].values()]
        self.seconds = max(each["seconds"] for each in told)
        self.offered = sum(each["offered"] for each in told)
        self.accepted = sum(each["accepted"] for each in publishers)
        self.refused = sum(len(each["refused"]) for each in publishers)
        self.ends = {each["end"] for each in publishers} - {None}
        self.heard = heard

    def __str__(self) -> str:
        lost = [each["lost"] for each in self.heard]
        return (
            f"offered {self.offered}, acknowledged {self.accepted} in {self.seconds:.1f} s, refused {self.refused}; "
            f"heard {[each['heard'] for each in self.heard]}, lost {lost}"
        )


def _run(views, tenant, rate: float, seconds: float, say, watch=list) -> Outcome:
    with contextlib.ExitStack() as stack:
        audiences, floods = [], []
        for number, view in enumerate(views):
            audiences.append(Audience(view, tenant.channel, tenant.listener, SUBSCRIBERS // len(views), f"on {number}"))
            stack.callback(audiences[-1].end)
        for number, view in enumerate(views):
            floods.append(
                Flood(
                    view,
                    tenant.channel,
                    tenant.publisher,
                    number * (MQTT_PUBLISHERS + HTTP_PUBLISHERS),
                    mqtt_publishers=MQTT_PUBLISHERS // len(views),
                    http_publishers=HTTP_PUBLISHERS // len(views),
                    rate=rate / len(views),
                    seconds=seconds,
                )
            )
            stack.callback(floods[-1].end)
        pulses: list[Pulse] = watch()
        for each in floods:
            each.go()
        told = [each.result() for each in floods]
        for each in pulses:
            say(f"  {each.stop()}")
        say(f"  the last was heard {settle(audiences):.1f} s after the last acknowledgement")
        publishers = {name: each for one in told for name, each in one["publishers"].items()}
        outcome = Outcome(told, [found for each in audiences for found in each.verdict(publishers)])
        say(f"  {outcome}")
        return outcome


def _overload(views, programs, seconds: float, say) -> Outcome:
    tenant, other = Tenant(views[0]), Tenant(views[0])
    say("\nas much as it takes, for 4 s; load programs and servers share the cores:")
    capacity = _run(views, tenant, 10_000_000, 4, say).accepted / 4

    def watch() -> list[Pulse]:
        pulses = [liveness(each) for each in programs]
        return pulses + innocent(views[0], other.channel, other.publisher, other.listener)

    say(f"ten times these {capacity:.0f}/s for {seconds:.0f} s:")
    outcome = _run(views, tenant, capacity * 10, seconds, say, watch)
    began = time.monotonic()
    assert publish_http(views[0], other.channel, other.publisher.key, b"after") == 202
    assert time.monotonic() - began < 2
    memory = {each.name: peak_memory(each.process.pid) for each in programs}
    say(f"  most memory, MiB: {memory}")
    telling = ("fluxgate_messages_dropped_total", "fluxgate_subscribers_too_slow_total", "fluxgate_bus_gaps_total")
    for each in programs:
        told = {name: value for name, value in each.metrics().items() if name.startswith(telling) and value}
        if told:
            say(f"  {each.name}: {told}")
    assert all(each < MOST_MEMORY for each in memory.values())
    assert outcome.offered > 5 * outcome.accepted
    assert (outcome.ends, outcome.refused) == (set(), 0)
    assert [(each["twice"], each["out_of_order"], each["strange"]) for each in outcome.heard] == [(0, 0, 0)] * SUBSCRIBERS
    return outcome


@pytest.fixture
def say(capsys):
    def written(text: str) -> None:
        with capsys.disabled():
            print(text, flush=True)

    return written


@pytest.mark.parametrize("durability, seconds", [("disk", SECONDS), ("memory", SHORTER)])
def test_under_ten_times_its_load_everything_acknowledged_arrives(program, tmp_path, say, durability, seconds):
    server = Server(tmp_path, MF_MESSAGE_DURABILITY=durability).start()
    try:
        outcome = _overload([server], [server], seconds, say)
        assert [each["lost"] for each in outcome.heard] == [0] * SUBSCRIBERS
        server.check()
    finally:
        server.kill()


def test_what_another_adapter_acknowledged_arrives_too(program, tmp_path, say):
    """Publishers don't wait for subscribers on another adapter: that reads their channel's messages from the stream."""
    running = SeparatePrograms(tmp_path, nats=NATS(jetstream=True), MF_MESSAGE_DURABILITY="disk").start()
    try:
        outcome = _overload([running.view(), running.view(1, 1, 1)], running.programs, SHORTER, say)
        assert [each["lost"] for each in outcome.heard] == [0] * SUBSCRIBERS
        running.check()
    finally:
        running.end()
