"""Random clients against a simple model: come, publish with every QoS, go politely or not; and the server is killed, or of
separate programs the adapters and NATS.
"""

import os
import random
import time

import pytest

from support.api import Account
from support.engines import NATS
from support.listeners import topic
from support.mqtt_model import ModelClient, faults, pump
from support.programs import ONE_PROGRAM, SEPARATE_PROGRAMS, Alternating, SeparatePrograms
from support.server import Server

STEPS = int(os.environ.get("FLUXGATE_MODEL_STEPS", "3000"))
SEED = os.environ.get("FLUXGATE_MODEL_SEED")


class OneProgram:
    def __init__(self, folder):
        self.server = self.clients_server = Server(folder, MF_MESSAGE_DURABILITY="disk").start()

    def kill(self, clients, _chance) -> None:
        self.server.kill()
        while pump(clients):
            pass
        for each in clients:
            each.lost()
        self.server.start()

    def end(self) -> None:
        self.server.kill()


class Separate:
    """Two adapters on one NATS; clients come to one of them as it happens."""

    def __init__(self, folder):
        self.nats = NATS(jetstream=True)
        self.server = SeparatePrograms(folder, nats=self.nats, MF_MESSAGE_DURABILITY="disk").start()
        self.clients_server = Alternating(self.server)

    def kill(self, clients, chance) -> None:
        if chance.random() < 0.3:
            self.nats.kill()
            self.nats.start()
            return "NATS"
        victim = chance.choice(self.server.adapters["mqtt-adapter"])
        victim.kill()
        while pump(clients):
            pass
        victim.start()
        return victim.name

    def end(self) -> None:
        self.server.end()


@pytest.mark.parametrize("platform", [ONE_PROGRAM, SEPARATE_PROGRAMS])
def test_nothing_acknowledged_is_lost_nothing_of_qos_2_comes_twice_and_nothing_overtakes(
    program, tmp_path, capsys, platform
):
    seed = int(SEED) if SEED else random.SystemRandom().randrange(1 << 32)
    chance = random.Random(seed)
    running = {ONE_PROGRAM: OneProgram, SEPARATE_PROGRAMS: Separate}[platform](tmp_path)
    try:
        server = running.clients_server
        account = Account(server)
        channel, things = account.channel(), account.things(6)
        account.connect(channel, *things)
        levels = [(), ("a",), ("a", "b"), ("c",)]
        names = [topic(channel, *each) for each in levels]
        wants = {
            "#": (2, lambda _: True),
            "a/#": (2, lambda name: name in names[1:3]),
            "+": (1, lambda name: name in (names[1], names[3])),
        }
        clients = [ModelClient(server, each, f"client {n}", chance.choice([4, 5]), chance) for n, each in enumerate(things)]
        publishers, subscribers = clients[:3], dict(zip(clients[3:], wants.values()))
        for each, filter in zip(clients[3:], wants):
            each.connect()
            each.subscribe(topic(channel, filter), qos=wants[filter][0])
        sent, kills, leaves = {}, 0, 0
        told = (publishers, subscribers, sent)

        def publish(client):
            payload, name, qos = b"%d" % len(sent), chance.choice(names), chance.choice([0, 1, 1, 2, 2])
            sent[payload] = (name, qos, client.name)
            client.publish(name, payload, qos)

        history = []
        for _ in range(STEPS):
            client = chance.choice(clients)
            what = chance.random()
            if not client.link:
                client.connect()
            elif what < 0.004:
                killed = running.kill(clients, chance)
                history.append((len(sent), killed))
                kills += 1
            elif what < 0.03:
                client.leave(chance.random() < 0.5)
                leaves += 1
            elif client in publishers and what < 0.6 and len(client.pending) < 50:
                publish(client)
            elif what < 0.7:
                client.settle()
            else:
                pump(clients, 0.002)
        # All that is still to come, and what it asks for; after a fault it may take a moment.
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            for each in clients:
                if not each.link:
                    each.connect()
                each.settle()
            if not pump(clients, 1) and not any(each.pending for each in publishers) and not faults(*told):
                break
        with capsys.disabled():
            heard = sum(len(each.heard) for each in subscribers)
            acknowledged = sum(len(each.acknowledged) for each in publishers)
            print(
                f"\nseed {seed}: {STEPS} steps, {len(sent)} published, {acknowledged} acknowledged, {heard} heard, "
                f"{leaves} left, {kills} times killed"
            )
        assert not any(each.pending for each in publishers)
        assert faults(*told)[:5] == [], f"seed {seed}; versions {[each.version for each in clients]}; killed {history}"
        server.check()
    finally:
        running.end()
