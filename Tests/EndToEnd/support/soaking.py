"""Many connections for a long time: the soak programs, and what they leave behind in the server's memory."""

import json
import time

from support import raw_mqtt as mqtt
from support.api import Account
from support.flooding import Worker
from support.listeners import topic
from support.server import Platform
from support.sessions import Returning

MIB = 1 << 20


def resident(pid: int) -> int:
    """The bytes that are resident now; the kernel walks the page tables for it, other figures of its lag behind."""
    with open(f"/proc/{pid}/smaps_rollup") as rollup:
        return next(int(line.split()[1]) for line in rollup if line.startswith("Rss:")) << 10


def settled(pid: int, most: float, within: float = 30) -> int:
    """What is resident when that is less than `most`, or the time is over."""
    end = time.monotonic() + within
    while (size := resident(pid)) >= most and time.monotonic() < end:
        time.sleep(0.1)  # Nothing tells when a process gives memory back.
    return size


class Tenant:
    """Things with a channel each, and one that publishes into all of them."""

    def __init__(self, server: Platform, things: int):
        self.server, self.account = server, Account(server)
        *self.things, self.publisher = self.account.things(things + 1)
        self.channels = [self.account.channel() for _ in self.things]
        for channel, thing in zip(self.channels, self.things):
            self.account.connect(channel, thing, self.publisher)

    def publish(self, first: int, count: int) -> None:
        """The same numbers into each channel; all are acknowledged."""
        with Returning(self.server, self.publisher, "publisher", clean=True, timeout=30) as publisher:
            for number in range(first, first + count):
                for identifier, channel in enumerate(self.channels, start=1):
                    publisher.send(mqtt.publish(topic(channel), b"%d" % number, 1, identifier))
                for _ in self.channels:
                    assert publisher.packet().kind == mqtt.PUBACK


class Commanded(Worker):
    """A program that answers each line with one."""

    def answer(self) -> dict:
        line = self.process.stdout.readline()
        assert line, "a soak program has ended"
        return json.loads(line)


class Crowd(Commanded):
    """Subscribers, as many on each of the tenant's things; the sessions of every `kept`th outlive their connections."""

    def __init__(self, tenant: Tenant, clients: int, kept: int = 0):
        self.count, self.tenant = clients, tenant
        things = [(each.id, each.key, channel) for each, channel in zip(tenant.things, tenant.channels)]
        task = {"mqtt": tenant.server.ports["mqtt"], "things": things, "clients": clients, "kept": kept}
        super().__init__("soak_clients", task)

    def do(self, command: str, **options) -> dict:
        self.tell(json.dumps([command, options]))
        return self.answer()

    def come(self, count: int | None = None, first: int = 0, clean: bool = False) -> dict:
        count = count or self.count - first
        came = self.do("come", first=first, count=count, clean=clean, within=90)
        assert (came["served"], came["lost"]) == (count, 0), came
        return came

    def hear(self, kept: range, others: range) -> int:
        told = self.do("hear", kept=(kept.start, kept.stop), others=(others.start, others.stop), within=60)
        assert told["wrong"] == [], told
        return told["heard"]

    def leave(self, count: int) -> None:
        assert self.do("leave", within=60) == {"left": count}


class Cycles(Commanded):
    """Connections that come, publish and go; every other message into the channel that is heard."""

    def __init__(self, tenant: Tenant, first: int):
        unheard, heard = tenant.channels[:2]
        super().__init__(
            "soak_cycles",
            {
                **{"mqtt": tenant.server.ports["mqtt"], "heard": heard, "unheard": unheard, "first": first},
                **{"thing": tenant.publisher.id, "key": tenant.publisher.key},
            },
        )
