"""What is compared with what, and how much better ours has to be."""

import functools

from . import mosquitto, nats, nginx
from .certificates import Certificates
from .comparison import Comparison, Measure
from .fluxgate import Fluxgate
from .mqtt_work import Connect, FanOut, Idle
from .rest_work import BulkCreation
from .separate import Separate
from .work import HTTPRequests, PacedHTTPRequests

THINGS, ACCOUNTS = 505, 505


def deliveries(needed=None, bound=None):
    return [
        Measure("deliveries per CPU second", "per_cpu_second", needed, bound=bound),
        Measure("deliveries per second", "per_second"),
    ]


def connections(needed=None, bound=None):
    return [
        Measure("connections per CPU second", "per_cpu_second", needed, bound=bound),
        Measure("connections per second", "per_second"),
    ]


def requests(needed=None, bound=None, what="requests"):
    return [
        Measure(f"{what} per second", "per_second", needed, bound=bound),
        Measure(f"{what} per CPU second", "per_cpu_second"),
    ]


def latency(needed=None, bound=None):
    return [Measure("99 % within µs", "p99_us", needed, less_is_better=True, bound=bound)]


def memory(bound):
    return [Measure("bytes of the server for each", "bytes_each", less_is_better=True, bound=bound)]


class Stage:
    """Servers that run at the same time, started when the first work wants them, and works for them.

    `works` and `afterwards` give names and what makes a comparison; the latter start servers anew, so that they come
    after the counters were read. `counted` are those of ours whose counters have to agree.
    """

    def __init__(self, options, folder, cores, load_program, keep):
        self.options, self.folder, self.cores, self.load_program = options, folder, cores, load_program
        self.keep, self.counted = keep, []

    def works(self):
        return {}

    def afterwards(self):
        return {}

    def fluxgate(self, name, things=THINGS, **more):
        server = Fluxgate(self.options.fluxgate, f"{self.folder}/{name}", things, self.keep, **more)
        self.counted.append(server)
        return server

    def fan(self, publishers, subscribers, size, **more):
        return FanOut(
            self.load_program, publishers, subscribers, size, self.options.window, self.options.seconds, **more
        )

    def requests(self, **more):
        return HTTPRequests(self.folder, self.options.seconds, **more)

    @functools.cached_property
    def statics(self):
        return [nginx.start(f"{self.folder}/nginx-{count}", count, self.keep) for count in sorted({1, self.cores})]


class Plain(Stage):
    """`fluxgate serve` as it comes, beside mosquitto and nginx."""

    @functools.cached_property
    def ours(self):
        return self.fluxgate("fluxgate")

    @functools.cached_property
    def brokers(self):
        return [mosquitto.start(f"{self.folder}/mosquitto-{on}", ACCOUNTS, on, self.keep) for on in (True, False)]

    def beside_brokers(self, work, measures):
        return work, self.ours.mqtt, self.brokers, measures

    def works(self):
        connect = Connect(self.load_program, False, self.options.seconds)
        paced, websocket = PacedHTTPRequests(self.folder, self.options.seconds), self.fan(1, 100, 128, websocket=True)
        fans = {
            "MQTT QoS 0, 1 → 1, 128 B": (self.fan(1, 1, 128), deliveries(6)),
            "MQTT QoS 0, 10 → 10, 128 B": (self.fan(10, 10, 128), deliveries(6)),
            "MQTT QoS 0, 5 → 500, 64 B": (self.fan(5, 500, 64), deliveries(8) + latency(1)),
            "MQTT QoS 1, 1 → 1, 128 B": (self.fan(1, 1, 128, qos=1), deliveries(4)),
            "MQTT QoS 1, 10 → 10, 128 B": (self.fan(10, 10, 128, qos=1), deliveries(4)),
            "MQTT QoS 2, 10 → 10, 128 B": (self.fan(10, 10, 128, qos=2), deliveries(3)),
            "MQTT QoS 0, 1 → 1, 128 B, 10,000/s": (self.fan(1, 1, 128, rate=10_000), latency(1)),
            "MQTT log-in": (connect, connections(1.5)),
        }
        return {name: functools.partial(self.beside_brokers, *fan) for name, fan in fans.items()} | {
            "HTTP publish": lambda: (self.requests(), self.ours.http(), self.statics, requests(0.5)),
            "HTTP publish at half of the full rate": lambda: (
                paced, self.ours.http(), self.statics[:1], latency(bound=2_000)
            ),
            "WebSocket, 1 → 100, 128 B": lambda: (websocket, self.ours.websocket(), [], deliveries(bound=1_000_000)),
        }

    def afterwards(self):
        idle = Idle(self.load_program, 2 * self.options.connections)
        return {"idle MQTT connection": lambda: (idle, self.ours.mqtt, self.brokers[:1], memory(5_120))}


class OverTLS(Stage):
    """Mutual TLS."""

    @functools.cached_property
    def certificates(self):
        return Certificates(f"{self.folder}/certificates", self.options.tls_version)

    @functools.cached_property
    def ours(self):
        return self.fluxgate("fluxgate-tls", 20, certificates=self.certificates)

    @functools.cached_property
    def brokers(self):
        return [
            mosquitto.start(f"{self.folder}/mosquitto-tls-{on}", 20, on, self.keep, self.certificates)
            for on in (True, False)
        ]

    def works(self):
        full, resumed = (Connect(self.load_program, resume, self.options.seconds) for resume in (False, True))
        return {
            "MQTT QoS 0, 10 → 10, 128 B, mutual TLS": lambda: (
                self.fan(10, 10, 128), self.ours.mqtt, self.brokers, deliveries(6)
            ),
            "MQTT log-in, full mutual TLS": lambda: (full, self.ours.mqtt, self.brokers, connections(2.5, 2_000)),
            "MQTT log-in, resumed mutual TLS": lambda: (resumed, self.ours.mqtt, self.brokers, connections(3)),
        }

    def afterwards(self):
        idle = Idle(self.load_program, self.options.connections)
        return {
            "idle MQTT connection, mutual TLS": lambda: (idle, self.ours.mqtt, self.brokers[:1], memory(28 * 1_024))
        }


class Programs(Stage):
    """The separate programs with PostgreSQL and NATS."""

    LARGE = 100_000

    @functools.cached_property
    def ours(self):
        return Separate(self.options.fluxgate, f"{self.folder}/programs", 1_000, self.cores, self.keep)

    @functools.cached_property
    def large(self):
        """The same with many things."""
        return Separate(self.options.fluxgate, f"{self.folder}/many", self.LARGE, self.cores, self.keep)

    def bulk(self):
        target = self.ours.rest("things", "")
        work = BulkCreation(self.ours.ports["things"], self.ours.provisioned.token, self.options.seconds)
        return work, target, [], requests(bound=10_000, what="things")

    def single(self):
        work = self.requests(body='{"name": "single"}', status=201, connections=16)
        return work, self.ours.rest("things", "/things"), [], requests(bound=2_500)

    def page(self):
        work = self.requests(method="GET", body="", status=200, connections=16)
        return work, self.large.rest("page 1", "/things?limit=100&offset=0"), [], requests(bound=2_000)

    def late_page(self):
        work = self.requests(method="GET", body="", status=200, connections=16)
        late, first = (self.large.rest(f"page {at}", f"/things?limit=100&offset={100 * (at - 1)}") for at in (900, 1))
        return work, late, [first], requests(1 / 1.5)

    def works(self):
        return {
            "HTTP publish, http-adapter with NATS": lambda: (
                self.requests(), self.ours.http(), self.statics, requests(0.45)
            ),
            "creation of 1,000 things in one request, PostgreSQL": self.bulk,
            "creation of one thing, PostgreSQL, 16 connections": self.single,
            "page of 100 out of 100,000 things": self.page,
            "page 900 beside page 1": self.late_page,
        }


class Growth(Stage):
    """What much that lies there costs, and what a second event loop brings."""

    def grown(self):
        large = self.fluxgate("large", 100_000, channels=10_000).http()
        small = self.fluxgate("small", 10, channels=10).http()
        small.name = "10 things and channels"
        return self.requests(), large, [small], requests(0.9)

    @functools.cached_property
    def loops(self):
        """One loop, and two."""
        targets = [self.fluxgate(f"loops-{count}", MF_EVENT_LOOPS=str(count)).mqtt for count in (1, 2)]
        for target, name in zip(targets, ("one event loop", "two event loops")):
            target.name = name
        return targets

    def two_loops(self, work):
        one, two = self.loops
        return work, two, [one], deliveries()

    def works(self):
        return {
            "HTTP publish with 100,000 things and 10,000 channels": self.grown,
            "two event loops, MQTT QoS 0, 10 → 10, 128 B": lambda: self.two_loops(self.fan(10, 10, 128)),
            "two event loops, MQTT QoS 0, 5 → 500, 64 B": lambda: self.two_loops(self.fan(5, 500, 64)),
        }


class Durable(Stage):
    """What is acknowledged is stored."""

    @functools.cached_property
    def peer(self):
        return nats.start(f"{self.folder}/nats", 20, self.keep)

    def sqlite(self):
        ours = self.fluxgate("durable", 20, MF_MESSAGE_DURABILITY="disk").mqtt
        return self.fan(10, 10, 128, qos=1), ours, [self.peer], deliveries(1)

    def jetstream(self):
        ours = Separate(
            self.options.fluxgate, f"{self.folder}/jetstream", 20, self.cores, self.keep, jetstream=True,
            MF_MESSAGE_DURABILITY="disk",
        )
        return self.fan(10, 10, 128, qos=1), ours.mqtt, [self.peer], deliveries(1)

    def works(self):
        return {
            "durable MQTT QoS 1, 10 → 10, 128 B, SQLite": self.sqlite,
            "durable MQTT QoS 1, 10 → 10, 128 B, JetStream": self.jetstream,
        }


STAGES = (Plain, OverTLS, Programs, Growth, Durable)


def comparisons(works, only):
    """Those whose name has the text."""
    return [Comparison(name, *make()) for name, make in works.items() if only in name]
