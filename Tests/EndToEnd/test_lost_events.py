"""Rights are taken while the adapters can't be told: NATS is away, or `things` dies before it has told."""

import time

import pytest

from support.api import Account, accepted_until_refused
from support.cuts import await_end, open_session
from support.programs import SeparatePrograms
from support.raw_nats import RawNATS
from support.traffic import ACCEPTED, REFUSED, HTTPClient, MQTTClient, WebSocketPublisher

TTL = 4
# What the issue of lost events promises after the bus is back.
AFTER_RETURN = 2


@pytest.fixture(scope="module")
def platform(program, tmp_path_factory):
    own = {f"{name}-adapter": {"MF_ACCESS_CACHE_TTL": f"{TTL}s"} for name in ("http", "ws", "mqtt")}
    running = SeparatePrograms(tmp_path_factory.mktemp("lost"), own=own).start()
    try:
        yield running
        running.check()
        assert set(running.stop().values()) == {0}
    finally:
        running.end()


class Cast:
    """Things whose rights are taken, one whose aren't, and their sessions on both copies."""

    def __init__(self, platform):
        self.views = (platform.view(), platform.view(1, 1, 1))
        self.account = Account(self.views[0])
        self.channel = self.account.channel()
        self.removed, self.disconnected, self.rekeyed, self.kept = self.account.things(4)
        self.account.connect(self.channel, self.removed, self.disconnected, self.rekeyed, self.kept)
        self.condemned = [self.removed, self.disconnected, self.rekeyed]
        self.sessions = [each for thing in self.condemned for each in self._open(thing)]
        self.others = self._open(self.kept)

    def _open(self, thing) -> list:
        return [
            open_session(view, kind, self.channel, thing) for view, kind in zip(2 * self.views, ("mqtt", "mqtt5", "ws"))
        ]

    def take(self) -> None:
        self.account.remove_thing(self.removed)
        self.account.disconnect(self.channel, self.disconnected)
        self.account.change_key(self.rekeyed, f"new-{self.rekeyed.key}")

    def publishers(self) -> list:
        """Each is accepted once, so that its right is known to its adapter."""
        made = []
        for thing in self.condemned:
            for number, view in enumerate(self.views):
                label = f"{thing.id}-{number}"  # Each hears itself only.
                made.append(HTTPClient(view, self.channel, thing, label))
                made.append(WebSocketPublisher(view, self.channel, thing, label))
                made.append(MQTTClient(view, self.channel, thing, label, 5))
        for each in made:
            while each() != ACCEPTED:
                pass
        return made

    def latest_end(self, within: float) -> float:
        """When the last of the condemned ended; the others are all there."""
        ended = max(await_end(each, within) for each in self.sessions)
        for each in self.others:
            with pytest.raises(TimeoutError):
                await_end(each, 0.01)
        return ended


def _all_connected(platform) -> float:
    for each in platform.programs:
        each.await_ready()
    return time.perf_counter()


def test_after_nats_comes_back_what_was_taken_meanwhile_ends_within_two_seconds(platform, capsys):
    cast = Cast(platform)
    publishers = cast.publishers()
    platform.nats.kill()
    cast.take()
    platform.nats.start()
    back = _all_connected(platform)
    for each in publishers:
        accepted_until_refused(cast.views[0], lambda: each() == REFUSED)
    last = cast.latest_end(within=AFTER_RETURN + 5) - back
    with capsys.disabled():
        print(f"\n{len(cast.sessions)} sessions ended up to {last:.2f} s after NATS was back")
    assert last < AFTER_RETURN


def test_while_nats_is_away_what_was_taken_ends_within_the_ttl(platform, capsys):
    cast = Cast(platform)
    platform.nats.kill()
    try:
        cast.take()
        taken = time.perf_counter()
        last = cast.latest_end(within=TTL + 5) - taken
    finally:
        platform.nats.start()
        _all_connected(platform)
    with capsys.disabled():
        print(f"\n{len(cast.sessions)} sessions ended up to {last:.2f} s after their rights were taken; the TTL is {TTL} s")
    assert last < TTL + 0.5


def test_what_things_committed_and_did_not_tell_before_it_died_is_told_when_it_is_back(platform, capsys):
    cast = Cast(platform)
    platform.nats.kill()
    cast.take()
    platform.things.kill()
    platform.nats.start()
    with RawNATS(platform.nats.port, "events.things") as log:
        platform.things.start()
        told = [log.next() for _ in range(4)]
        back = _all_connected(platform)
    last = cast.latest_end(within=AFTER_RETURN + 5) - back

    assert [(each["operation"], each.get("id", each.get("thing_id"))) for each in told[:3]] == [
        ("thing.remove", cast.removed.id),
        ("thing.disconnect", cast.disconnected.id),
        ("thing.key", cast.rekeyed.id),
    ]
    assert [each["after"] for each in told[1:3]] == [each["position"] for each in told[:2]]
    assert (told[3]["operation"], told[3]["position"]) == ("heartbeat", told[2]["position"])
    with capsys.disabled():
        print(f"\n{len(cast.sessions)} sessions ended up to {last:.2f} s after things was back")
    assert last < AFTER_RETURN
