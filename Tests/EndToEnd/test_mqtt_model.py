"""Random clients against a simple model: come, publish with every QoS, go politely or not; and the server is killed."""

import os
import random

import pytest

from support.api import Account
from support.listeners import topic
from support.mqtt_model import ModelClient, faults, pump
from support.server import Server

STEPS = int(os.environ.get("FLUXGATE_MODEL_STEPS", "3000"))
SEED = os.environ.get("FLUXGATE_MODEL_SEED")


@pytest.mark.parametrize("run", range(2))
def test_nothing_acknowledged_is_lost_nothing_of_qos_2_comes_twice_and_nothing_overtakes(program, tmp_path, capsys, run):
    seed = int(SEED) if SEED else random.SystemRandom().randrange(1 << 32)
    chance = random.Random(seed)
    server = Server(tmp_path, MF_MESSAGE_DURABILITY="disk").start()
    try:
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

        def publish(client):
            payload, name, qos = b"%d" % len(sent), chance.choice(names), chance.choice([0, 1, 1, 2, 2])
            sent[payload] = (name, qos, client.name)
            client.publish(name, payload, qos)

        for _ in range(STEPS):
            client = chance.choice(clients)
            what = chance.random()
            if not client.link:
                client.connect()
            elif what < 0.004:
                server.kill()
                kills += 1
                while pump(clients):
                    pass
                for each in clients:
                    each.lost()
                server.start()
            elif what < 0.03:
                client.leave(chance.random() < 0.5)
                leaves += 1
            elif client in publishers and what < 0.6 and len(client.pending) < 50:
                publish(client)
            elif what < 0.7:
                client.settle()
            else:
                pump(clients, 0.002)
        for each in clients:
            if not each.link:
                each.connect()
            each.settle()
        # All that is still to come, and what it asks for.
        while pump(clients, 1) or any(each.owed for each in clients):
            for each in clients:
                each.settle()
        with capsys.disabled():
            heard = sum(len(each.heard) for each in subscribers)
            acknowledged = sum(len(each.acknowledged) for each in publishers)
            print(
                f"\nseed {seed}: {STEPS} steps, {len(sent)} published, {acknowledged} acknowledged, {heard} heard, "
                f"{leaves} left, {kills} times killed"
            )
        assert not any(each.pending for each in publishers)
        assert faults(publishers, subscribers, sent)[:5] == [], f"seed {seed}"
        server.check()
    finally:
        server.kill()
