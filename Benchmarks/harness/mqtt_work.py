"""The works that the load program does, over TCP or mutual TLS as the target has it."""

import dataclasses
import json

from .failure import BenchFailure
from .machine import wait_for_room
from .process import run_to_end, wait_for_port
from .work import Turn

PARALLEL = 64  # connections that are being made at once
SOURCES = 32  # addresses to connect from: one has 28,000 ports, and each rests for a minute after its use
OPENING_SECONDS, HOLD_SECONDS = 120, 2
MOST_PER_SECOND = 25_000  # connections of any server, or more than it can do
DRAIN_SECONDS = 15  # for what is acknowledged to arrive at last
MOST_UNDER_WAY = 500  # messages of QoS 1 and 2 to a subscriber: more of them a slow server doesn't deliver before the run ends


@dataclasses.dataclass
class FanOut:
    """MQTT 3.1.1: every publisher's messages to every subscriber, as fast as that goes or at a rate."""

    load_program: str
    publishers: int
    subscribers: int
    size: int
    window: int
    seconds: float
    qos: int = 0
    rate: float = 0
    websocket: bool = False  # not MQTT

    @property
    def subscriptions(self):
        """Over WebSocket every connection hears its channel."""
        return self.subscribers + (self.publishers if self.websocket else 0)

    def drive(self, target):
        names = ("publishers", "subscribers", "size", "window", "seconds", "qos", "rate")
        options = {name: getattr(self, name) for name in names}
        if self.qos:
            options |= {"window": min(self.window, MOST_UNDER_WAY // self.publishers), "drain": DRAIN_SECONDS}
        options |= {"websocket": None} if self.websocket else {}
        result = load(self.load_program, "fan", target, options, self.seconds + 60)
        if self.qos or self.rate:
            check_faultless(result, target)
        measured = turn("received", result, target)
        measured.p99_us = result["latency_us"]["p99"]
        return measured


@dataclasses.dataclass
class Connect:
    """Connect, log in, disconnect; over TLS with full handshakes or with those that go on with a session."""

    load_program: str
    resume: bool
    seconds: float

    def drive(self, target):
        options = {"parallel": PARALLEL, "seconds": self.seconds, "sources": SOURCES}
        options |= {"resume": None} if self.resume else {}
        wait_for_room(round(MOST_PER_SECOND * (self.seconds + 1)))
        result = load(self.load_program, "connect", target, options, self.seconds + 60)
        if target.tls and result["resumed"] != (result["connections"] if self.resume else 0):
            raise BenchFailure(
                f"{target.name}: {result['resumed']} of {result['connections']} TLS sessions were resumed, "
                f"where {'all' if self.resume else 'none'} should be"
            )
        return turn("connections", result, target)


@dataclasses.dataclass
class Idle:
    """Connections that have logged in and subscribed once, and that do nothing; each turn on a fresh server."""

    load_program: str
    connections: int

    def drive(self, target):
        target.program.restart()
        wait_for_port(target.program, target.port)
        options = {"publishers": 0, "subscribers": self.connections, "sources": SOURCES}
        options |= {"timeout": OPENING_SECONDS, "seconds": HOLD_SECONDS}
        result = load(self.load_program, "idle", target, options, OPENING_SECONDS + 60)
        measured = turn("connections", result, target)
        measured.bytes_each = result["bytes_per_connection"]
        return measured


def load(program, work, target, options, patience):
    """What the load program says about one run; an option whose value is None has none."""
    target.program.check_running()
    options = {
        "port": target.port,
        "topic": target.topic,
        "creds": target.credentials,
        "server-pid": ",".join(str(pid) for pid in target.program.pids),
    } | options
    if target.tls:
        options |= {"tls-ca": target.tls.ca, "tls-version": target.tls.version}
    command = [program, work]
    for name, value in options.items():
        command += [f"--{name}"] if value is None else [f"--{name}", str(value)]
    return json.loads(run_to_end(command, patience))


def check_faultless(result, target):
    """What was acknowledged has to arrive; and where times are compared, what never comes has none."""
    faults = {name: result[name] for name in ("lost", "duplicated", "foreign", "stalled_windows") if result[name]}
    if faults:
        raise BenchFailure(f"{target.name}: {faults} of {result['total_expected']} messages")


def turn(what, result, target):
    if not result[what] or result["server_cpu_s"] <= 0:
        raise BenchFailure(f"{target.name}: {what} 0: {result}")
    share = result["server_cpu_s"] / result["seconds"]
    return Turn(result[f"{what}_per_s"], result[f"{what}_per_server_cpu_s"], share, result)
