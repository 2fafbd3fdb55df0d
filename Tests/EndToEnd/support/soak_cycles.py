"""A program: connections that publish one message each and are gone, no client id ever twice.

It reads its task as JSON from its input, then how many cycles it is to go through, and writes how they went. See
`Cycles` in soaking.py.
"""

import json
import socket
import struct
import sys
import time

from support import raw_mqtt as mqtt
from support.flood import FILLER
from support.listeners import topic

AT_ONCE = 32
PATIENCE = struct.pack("ll", 30, 0)  # SO_RCVTIMEO; a timeout of Python's costs a poll() before each read.
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: the kernel forgets the connection at once.
PUBACK = mqtt.acknowledgement(mqtt.PUBACK, 1)
# QoS, version, and whether it says goodbye: by turns.
TURNS = [(qos, version, turn > 0) for turn in range(16) for version in (4, 5) for qos in (0, 1)]


class Slot:
    """One connection after the other, from an address of its own; what it publishes with QoS 1 is numbered.

    Having heard the server's end, it resets the connection. When one is closed the kernel keeps its port for a minute
    and the firewall's entry for two, and has too few of both for this many.
    """

    def __init__(self, task: dict, number: int):
        self.number, self.address = number, ("127.0.0.1", task["mqtt"])
        self.source = (f"127.0.0.{2 + number % 250}", 0)
        self.credentials = (task["thing"], task["key"])
        self.topics = [topic(task["unheard"]), topic(task["heard"])]
        self.cycles = number  # So that not all take the same turn.
        self.numbered = 0
        self.acknowledged = 0
        self.qos = 0

    def begin(self) -> None:
        """CONNECT, PUBLISH and DISCONNECT in one write; some don't say goodbye and close their side."""
        self.qos, version, is_polite = TURNS[self.cycles % len(TURNS)]
        payload = struct.pack(">II", self.number, self.numbered) + FILLER
        said = mqtt.connect(f"cycle {self.number} {self.cycles}", *self.credentials, version=version)
        said += mqtt.publish(self.topics[self.qos], payload, self.qos, version=version)
        self.socket = socket.socket()
        self.socket.bind(self.source)
        self.socket.connect(self.address)
        self.socket.send(said + mqtt.packet(mqtt.DISCONNECT) if is_polite else said)
        if not is_polite:
            self.socket.shutdown(socket.SHUT_WR)
        self.cycles += 1

    def finish(self) -> None:
        """Reads to the end."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, PATIENCE)
        answer = b""
        while data := self.socket.recv(4096):
            answer += data
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.socket.close()
        assert answer[:1] == b"\x20" and answer[3] == 0, f"CONNECT answered {answer.hex()}"
        if self.qos:
            self.acknowledged += answer.endswith(PUBACK)
            self.numbered += 1


def main() -> None:
    task = json.loads(sys.stdin.readline())
    slots = [Slot(task, task["first"] + each) for each in range(AT_ONCE)]
    print("ready", flush=True)
    for line in sys.stdin:
        began = time.monotonic()
        rounds = -(-int(line) // AT_ONCE)
        for _ in range(rounds):
            for each in slots:
                each.begin()
            for each in slots:
                each.finish()
        answer = {
            "cycles": rounds * AT_ONCE,
            "seconds": time.monotonic() - began,
            "acknowledged": sum(each.acknowledged for each in slots),
            "published": {each.number: each.numbered for each in slots},
        }
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
