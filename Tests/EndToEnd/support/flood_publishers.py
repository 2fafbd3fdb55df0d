"""A program: connections that publish as fast as TCP takes it, offering a fixed rate whatever becomes of it.

It reads its task as JSON from its input, and writes what it did as JSON. See `Flood` in flooding.py.
"""

import json
import re
import selectors
import socket
import sys
import time

from support import raw_mqtt as mqtt
from support.flood import BATCH, PAYLOAD, Strided, publish_record, request_record
from support.raw_mqtt import RawMQTT

# Packet ids: a batch's number from 1, and the place in it. They come again after so many messages.
CYCLE = 1023 * BATCH
ACKS = b"".join(mqtt.acknowledgement(mqtt.PUBACK, BATCH + each) for each in range(CYCLE)) * 2
BATCHES_A_TURN = 4
STATUS = re.compile(rb"HTTP/1\.1 (\d\d\d)")


class Publisher:
    """One connection. `sent` and `answered` count messages, the former whole batches only."""

    def __init__(self, connection: socket.socket, record: bytes, window: int):
        self.socket, self.window = connection, window
        self.batch = Strided(record)
        self.stamp = self.batch.length - PAYLOAD + 4
        self.sent = self.answered = 0
        self.head_start = 0  # So that they don't all send at the same moment.
        self.rest = memoryview(b"")
        self.end: str | None = None
        # What the kernel holds is neither with the client nor with the server.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 16)
        connection.setblocking(False)

    def send(self, most: int) -> bool:
        """Sends up to `most` messages altogether, a few batches at a time; true if there is more and TCP has to be asked."""
        try:
            for _ in range(BATCHES_A_TURN):
                if not self.rest:
                    if self.sent + BATCH > most + self.head_start or self.sent + BATCH - self.answered > self.window:
                        return False
                    self.batch.number(self.stamp, self.sent)
                    self.prepare()
                    self.rest = memoryview(bytes(self.batch.bytes))
                    self.sent += BATCH
                self.rest = self.rest[self.socket.send(self.rest) :]
            return True
        except BlockingIOError:
            return True
        except OSError as error:
            self.end = self.end or repr(error)
            return False

    def receive(self) -> None:
        try:
            data = self.socket.recv(1 << 16)
        except BlockingIOError:
            return
        except OSError as error:
            self.end = repr(error)
            return
        if data:
            self.take(data)
        else:
            self.end = "closed"

    def prepare(self) -> None:
        pass

    def take(self, data: bytes) -> None:
        raise NotImplementedError


class MQTTPublisher(Publisher):
    """QoS 1; acknowledgements must come in order."""

    def __init__(self, task: dict, number: int):
        connection = socket.create_connection(("127.0.0.1", task["mqtt"]), timeout=10)
        RawMQTT(connection).connect(f"flood {number}", task["thing"], task["key"], keep_alive=0)
        # What a client may have under way by its packet ids is more than TCP takes.
        super().__init__(connection, publish_record(task["channel"], number), min(task["window"], CYCLE - BATCH))
        self.identifier = self.stamp - 6
        self.acks = 0

    def prepare(self) -> None:
        identifier = self.sent % CYCLE + BATCH
        self.batch.put(self.identifier, identifier >> 8)
        low = identifier & 0xFF
        self.batch.bytes[self.identifier + 1 :: self.batch.length] = bytes(low | each for each in range(BATCH))

    def take(self, data: bytes) -> None:
        start = self.acks % (CYCLE * 4)
        if data != ACKS[start : start + len(data)]:
            self.end = f"not the acknowledgements that were due: {data[:20].hex()}"
        self.acks += len(data)
        self.answered = self.acks // 4

    def report(self) -> dict:
        return {"protocol": "mqtt", "sent": self.sent, "accepted": self.answered, "refused": [], "end": self.end}


class HTTPPublisher(Publisher):
    """Requests, pipelined; each answer tells of one message."""

    def __init__(self, task: dict, number: int):
        connection = socket.create_connection(("127.0.0.1", task["http"]), timeout=10)
        super().__init__(connection, request_record(task["channel"], task["key"], number), task["requests"])
        self.tail = b""
        self.refused: list[tuple[int, int]] = []

    def take(self, data: bytes) -> None:
        whole, mark, self.tail = (self.tail + data).rpartition(b"\r\n\r\n")
        for status in STATUS.findall(whole + mark):
            if status != b"202":
                self.refused.append((self.answered, int(status)))
            self.answered += 1

    def report(self) -> dict:
        return {
            "protocol": "http",
            "sent": self.sent,
            "accepted": self.answered - len(self.refused),
            "refused": self.refused,
            "end": self.end,
        }


def main() -> None:
    task = json.loads(sys.stdin.readline())
    first = task["first"]
    publishers = [MQTTPublisher(task, first + each) for each in range(task["mqtt_publishers"])]
    publishers += [HTTPPublisher(task, first + len(publishers) + each) for each in range(task["http_publishers"])]
    for number, each in enumerate(publishers):
        each.head_start = BATCH * number // len(publishers)
    print("ready", flush=True)
    assert sys.stdin.readline() == "go\n"
    rate, seconds = task["rate"] / len(publishers), task["seconds"]
    selector = selectors.EpollSelector()
    for each in publishers:
        selector.register(each.socket, selectors.EVENT_READ | selectors.EVENT_WRITE, each)
    began = time.monotonic()
    counted: list[tuple[float, int]] = []
    while (elapsed := time.monotonic() - began) < seconds + task["drain"]:
        is_over = elapsed >= seconds
        # What was offered and couldn't be sent in time isn't sent later.
        most = -BATCH if is_over else int(rate * elapsed)
        live = [each for each in publishers if not each.end]
        if is_over and all(each.sent == each.answered and not each.rest for each in live):
            break
        if not counted or elapsed >= counted[-1][0] + 0.5:
            counted.append((round(elapsed, 2), sum(each.answered for each in publishers)))
        for key, events in selector.select(0.01):
            publisher = key.data
            if events & selectors.EVENT_READ:
                publisher.receive()
            blocked = publisher.send(most)
            if publisher.end:
                selector.unregister(publisher.socket)
                continue
            wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if blocked else 0)
            if key.events != wanted:
                selector.modify(publisher.socket, wanted, publisher)
        if not is_over:
            # Whoever waits for neither an answer nor TCP waits for the next message to be offered.
            for each in live:
                if each.sent == each.answered and not each.rest and not each.end and each.send(most):
                    selector.modify(each.socket, selectors.EVENT_READ | selectors.EVENT_WRITE, each)
    answer = {
        "offered": int(rate * seconds) * len(publishers),
        "seconds": elapsed,
        "counted": counted,
        "publishers": {first + number: each.report() for number, each in enumerate(publishers)},
        "cpu": time.process_time(),
    }
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
