"""A program: thousands of subscribers that come at once, stay, listen and go, each when it is told.

It reads its task as JSON from its input, then one command a line, and writes an answer to each. See `Crowd` in
soaking.py.
"""

import collections.abc
import heapq
import itertools
import json
import random
import resource
import selectors
import socket
import struct
import sys
import time

from support import raw_mqtt as mqtt
from support.listeners import topic
from support.raw_mqtt import Packet
from support.sessions import FOR_EVER, read

RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close() throws away what is under way, and says so.


class Client:
    """One subscriber. It is served when CONNACK has come, and SUBACK where no session knew the subscription."""

    def __init__(self, task: dict, number: int):
        things, kept = task["things"], task["kept"]
        turn = number // len(things)
        self.thing, self.key, channel = things[number % len(things)]
        self.address, self.name, self.filter = ("127.0.0.1", task["mqtt"]), f"client {number}", topic(channel, "#")
        self.version = (4, 5)[turn // 2 % 2]
        self.is_kept = bool(kept) and turn % kept == 0
        self.socket: socket.socket | None = None
        self.buffer, self.heard = b"", []
        self.is_clean = self.is_served = self.is_present = self.is_answered = False
        self.holds = False  # Then it acknowledges nothing.
        self.leaves = False
        self.attempts = 0

    def open(self) -> None:
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.connect_ex(self.address)
        self.buffer, self.is_served, self.is_present = b"", False, False
        self.attempts += 1

    def close(self, reset: bool = False) -> None:
        if reset:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.socket.close()
        self.socket, self.is_served = None, False

    def greet(self) -> None:
        stays = self.is_kept and not self.is_clean
        properties = b"\x11" + struct.pack(">I", FOR_EVER) if stays and self.version == 5 else b""
        flags = 0xC0 if stays else 0xC2
        credentials = (self.thing, self.key)
        self.send(mqtt.connect(self.name, *credentials, self.version, flags, keep_alive=0, properties=properties))

    def send(self, data: bytes) -> None:
        assert self.socket.send(data) == len(data), "what a client says is little"

    def receive(self) -> bool:
        """Takes what has come; false at the end of the connection."""
        try:
            data = self.socket.recv(1 << 16)
        except BlockingIOError:
            return True
        self.buffer += data
        while received := self._packet():
            if not self._took(received):
                return False
        return bool(data)

    def _packet(self) -> Packet | None:
        length = 0
        for place, digit in enumerate(self.buffer[1:5]):
            length |= (digit & 0x7F) << 7 * place
            if digit < 0x80:
                start, end = place + 2, place + 2 + length
                if len(self.buffer) < end:
                    return None
                found = Packet(self.buffer[0] >> 4, self.buffer[0] & 0x0F, self.buffer[start:end])
                self.buffer = self.buffer[end:]
                return found
        return None

    def _took(self, received: Packet) -> bool:
        """False if the server refuses it."""
        match received.kind:
            case mqtt.CONNACK if received.body[1]:
                return False
            case mqtt.CONNACK:
                self.is_present = self.is_served = received.body[0] == 1
                if not self.is_present:
                    self.send(mqtt.subscribe(self.filter, options=1, version=self.version))
            case mqtt.SUBACK:
                assert received.body[-1] == 1, f"{self.name}: {received}"
                self.is_served = True
            case mqtt.PINGRESP:
                self.is_answered = True
            case mqtt.PUBLISH:
                message = read(received, self.version)
                self.heard.append(int(message.payload))
                if not self.holds:
                    self.send(mqtt.acknowledgement(mqtt.PUBACK, message.identifier))
            case _:
                raise AssertionError(f"{self.name} got {received}")
        return True


class Crowd:
    """What all of them do together."""

    def __init__(self, task: dict):
        self.clients = [Client(task, each) for each in range(task["clients"])]
        self.selector = selectors.EpollSelector()
        self.tickets = itertools.count()
        self.again: list[tuple[float, int, Client]] = []  # When those who weren't let in try again.
        self.lost = 0

    @property
    def present(self) -> list[Client]:
        return [each for each in self.clients if each.socket]

    def come(self, first: int, count: int, clean: bool, within: float) -> dict:
        """All at once, and again after a while those that aren't let in, until everybody is served."""
        coming = self.clients[first : first + count]
        began, served = time.monotonic(), []
        waiting = set(coming)

        def arrived(client: Client) -> None:
            if client.is_served and client in waiting:
                waiting.discard(client)
                served.append(time.monotonic() - began)

        for each in coming:
            each.is_clean, each.leaves, each.attempts, each.heard = clean, False, 0, []
            self._open(each)
        self._run(lambda: not waiting, within, arrived)
        return {
            **{"served": len(served), "seconds": served[-1:], "half": served[len(served) // 2 :][:1]},
            **{"attempts": sum(each.attempts for each in coming)},
            **{"with_session": sum(each.is_present for each in coming), "lost": self.lost},
        }

    def hear(self, kept: tuple[int, int], others: tuple[int, int], within: float) -> dict:
        """Each must have been sent these numbers, and none of them twice."""
        expected = {True: list(range(*kept)), False: list(range(*others))}
        self._run(lambda: all(len(each.heard) >= len(expected[each.is_kept]) for each in self.present), within)
        self._ping(within)
        wrong = [each for each in self.clients if each.heard != expected[each.is_kept]]
        heard = sum(len(each.heard) for each in self.clients)
        for each in self.clients:
            each.heard = []
        return {"heard": heard, "wrong": [(each.name, each.is_kept, each.heard) for each in wrong[:5]]}

    def hold(self) -> dict:
        """Those whose sessions stay acknowledge nothing of what comes now."""
        for each in self.clients:
            each.holds = each.is_kept
        return {}

    def cut(self) -> dict:
        """Everybody is gone, without a word."""
        for each in self.present:
            self._close(each, reset=True)
            each.holds = False
        return {}

    def leave(self, within: float) -> dict:
        """Everybody says goodbye, and hears the server close."""
        leaving = self.present
        for each in leaving:
            each.send(mqtt.packet(mqtt.DISCONNECT))
            each.leaves = True
        self._run(lambda: not self.present, within)
        return {"left": len(leaving) - len(self.present)}

    def _ping(self, within: float) -> None:
        """The answer comes behind everything that was under way."""
        asked = self.present
        for each in asked:
            each.is_answered = False
            each.send(mqtt.packet(mqtt.PINGREQ))
        self._run(lambda: all(each.is_answered for each in asked), within)

    def _open(self, client: Client) -> None:
        client.open()
        self.selector.register(client.socket, selectors.EVENT_WRITE, client)

    def _close(self, client: Client, reset: bool = False) -> None:
        self.selector.unregister(client.socket)
        client.close(reset)

    def _run(self, is_over: collections.abc.Callable[[], bool], within: float, then=lambda _: None) -> None:
        end = time.monotonic() + within
        while not is_over() and (now := time.monotonic()) < end:
            while self.again and self.again[0][0] <= now:
                self._open(heapq.heappop(self.again)[2])
            for key, events in self.selector.select(0.05):
                try:
                    self._turn(key.data, events)
                except OSError:
                    self._ended(key.data)
                then(key.data)

    def _turn(self, client: Client, events: int) -> None:
        if events & selectors.EVENT_WRITE:
            client.greet()
            self.selector.modify(client.socket, selectors.EVENT_READ, client)
        elif not client.receive():
            self._ended(client)

    def _ended(self, client: Client) -> None:
        was_served = client.is_served
        # Having heard the server's end it leaves nothing behind that the kernel keeps for a minute.
        self._close(client, reset=True)
        if client.leaves:
            return
        if was_served:
            self.lost += 1
        else:
            pause = min(2, 0.05 * 2**client.attempts) * random.uniform(0.5, 1)
            heapq.heappush(self.again, (time.monotonic() + pause, next(self.tickets), client))


def main() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    crowd = Crowd(json.loads(sys.stdin.readline()))
    print("ready", flush=True)
    for line in sys.stdin:
        command, options = json.loads(line)
        print(json.dumps(getattr(crowd, command)(**options)), flush=True)


if __name__ == "__main__":
    main()
