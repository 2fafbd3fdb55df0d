"""A program: connections that receive one channel as fast as they can, acknowledge everything, and keep what they heard.

It reads its task as JSON from its input, then writes what each has heard twice a second, until it is given what was
accepted of each publisher: then it compares, and writes what it found.
"""

import array
import collections
import json
import selectors
import socket
import sys
import time

from support import raw_mqtt as mqtt
from support.flood import PAYLOAD, publish_record
from support.listeners import topic
from support.raw_mqtt import RawMQTT


class Subscriber:
    def __init__(self, task: dict, number: int):
        client = RawMQTT(socket.create_connection(("127.0.0.1", task["mqtt"]), timeout=10))
        client.connect(f"{task['label']} {number}", task["thing"], task["key"], keep_alive=0)
        assert client.subscribe(topic(task["channel"], "#"), qos=1) == [1]
        self.socket = client.socket
        self.socket.setblocking(False)
        self.length = len(publish_record(task["channel"], 0))
        self.identifier = self.length - PAYLOAD - 2
        self.rest, self.heard = client.buffer, bytearray()
        self.unsent = memoryview(b"")
        self.strange = 0
        self.end: str | None = None

    def receive(self) -> None:
        try:
            data = self.rest + self.socket.recv(1 << 18)
        except BlockingIOError:
            return
        except OSError as error:
            self.end = repr(error)
            return
        if len(data) == len(self.rest):
            self.end = "closed"
            return
        count, length = len(data) // self.length, self.length
        whole, self.rest = data[: count * length], data[count * length :]
        if not count:
            return
        self.strange += count - whole[0::length].count(mqtt.PUBLISH << 4 | 2)
        acks = bytearray(mqtt.acknowledgement(mqtt.PUBACK, 0) * count)
        acks[2::4], acks[3::4] = whole[self.identifier :: length], whole[self.identifier + 1 :: length]
        stamps = bytearray(count * 8)
        for place in range(8):
            stamps[place::8] = whole[length - PAYLOAD + place :: length]
        self.heard += stamps
        self.unsent = memoryview(bytes(self.unsent) + acks)
        self.send()

    def send(self) -> None:
        try:
            self.unsent = self.unsent[self.socket.send(self.unsent) :]
        except BlockingIOError:
            pass
        except OSError as error:
            self.end = self.end or repr(error)

    def verdict(self, accepted: dict[int, int], refused: dict[int, set[int]]) -> dict:
        """`accepted`: how many of each publisher's first messages were answered; `refused`: which of these not with a yes."""
        numbers = array.array("Q", bytes(self.heard))
        numbers.byteswap()
        expected = {publisher: publisher << 32 for publisher in accepted}
        holes: dict[int, set[int]] = collections.defaultdict(set)
        missing: dict[int, list[range]] = collections.defaultdict(list)
        behind: list[int] = []
        strange = 0
        for number in numbers:
            publisher = number >> 32
            wanted = expected.get(publisher)
            if number == wanted:
                expected[publisher] = number + 1
            elif wanted is None:
                strange += 1
            elif number > wanted:
                missing[publisher].append(range(wanted, number))
                expected[publisher] = number + 1
            else:
                behind.append(number)
        for publisher, ranges in missing.items():
            for each in ranges:
                holes[publisher].update(each)
        late = twice = 0
        for number in behind:
            if number in holes[number >> 32]:
                holes[number >> 32].discard(number)
                late += 1
            else:
                twice += 1
        lost = unacknowledged = losing = 0
        for publisher, count in accepted.items():
            start = publisher << 32
            gone = {each - start for each in holes[publisher]} | set(range(expected[publisher] - start, count))
            here = len({each for each in gone if each < count} - refused.get(publisher, set()))
            lost += here
            losing += here > 0
            unacknowledged += max(0, expected[publisher] - start - count)
        return {
            **{"heard": len(numbers), "lost": lost, "publishers_with_losses": losing, "out_of_order": late},
            **{"twice": twice, "not_accepted": unacknowledged, "strange": self.strange + strange, "end": self.end},
        }


def main() -> None:
    task = json.loads(sys.stdin.readline())
    subscribers = [Subscriber(task, each) for each in range(task["subscribers"])]
    print("ready", flush=True)
    selector = selectors.EpollSelector()
    selector.register(sys.stdin, selectors.EVENT_READ)
    for each in subscribers:
        selector.register(each.socket, selectors.EVENT_READ, each)
    told = 0.0
    while True:
        if time.monotonic() >= told + 0.5:
            told = time.monotonic()
            print(json.dumps([len(each.heard) // 8 for each in subscribers]), flush=True)
        for key, events in selector.select(0.1):
            subscriber = key.data
            if subscriber is None:
                given = json.loads(sys.stdin.readline())
                accepted = {int(name): count for name, count in given["accepted"].items()}
                refused = {int(name): set(numbers) for name, numbers in given["refused"].items()}
                found = [each.verdict(accepted, refused) for each in subscribers]
                print(json.dumps({"found": found, "cpu": time.process_time()}), flush=True)
                return
            if events & selectors.EVENT_WRITE:
                subscriber.send()
            if events & selectors.EVENT_READ:
                subscriber.receive()
            if subscriber.end:
                selector.unregister(subscriber.socket)
                continue
            wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if subscriber.unsent else 0)
            if key.events != wanted:
                selector.modify(subscriber.socket, wanted, subscriber)


if __name__ == "__main__":
    main()
