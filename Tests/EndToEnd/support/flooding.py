"""More load than the platform can serve: the flood programs, and what is watched meanwhile."""

import json
import pathlib
import subprocess
import sys
import threading
import time

import requests

from support import raw_mqtt as mqtt
from support.api import Thing, publish_http
from support.flood import BATCH
from support.listeners import topic
from support.raw_mqtt import RawMQTT
from support.server import Platform, Program

ROOT = pathlib.Path(__file__).resolve().parents[1]


class Worker:
    """One of the flood programs; it has got ready when the constructor returns."""

    def __init__(self, module: str, task: dict):
        command = [sys.executable, "-m", f"support.{module}"]
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.tell(json.dumps(task))
        assert self.process.stdout.readline() == "ready\n"

    def tell(self, line: str) -> None:
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def end(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=10)


class Audience(Worker):
    """Subscribers to the channel on one adapter."""

    def __init__(self, view: Platform, channel: str, thing: Thing, count: int, label: str):
        self.label, self.heard, self.last = label, [0] * count, {}
        super().__init__(
            "flood_subscribers",
            {
                **{"mqtt": view.ports["mqtt"], "channel": channel, "thing": thing.id, "key": thing.key},
                **{"subscribers": count, "label": label},
            },
        )
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self) -> None:
        for line in self.process.stdout:
            told = json.loads(line)
            if isinstance(told, list):
                self.heard = told
            else:
                self.last = told

    def verdict(self, publishers: dict[str, dict]) -> list[dict]:
        """What each of them heard, compared with what was accepted."""
        answered = {name: each["accepted"] + len(each["refused"]) for name, each in publishers.items()}
        refused = {name: [number for number, _ in each["refused"]] for name, each in publishers.items()}
        self.tell(json.dumps({"accepted": answered, "refused": refused}))
        self.thread.join(60)
        assert self.process.wait(10) == 0
        return self.last["found"]


class Flood(Worker):
    """Publishers on one adapter each of MQTT and HTTP."""

    def __init__(self, view: Platform, channel: str, thing: Thing, first: int, **task):
        super().__init__(
            "flood_publishers",
            {
                **{"mqtt": view.ports["mqtt"], "http": view.ports["http"], "channel": channel},
                **{"thing": thing.id, "key": thing.key, "first": first, "window": 4096, "requests": BATCH, "drain": 20},
                **task,
            },
        )

    def go(self) -> None:
        self.tell("go")

    def result(self) -> dict:
        line = self.process.stdout.readline()
        assert self.process.wait(10) == 0
        return json.loads(line)


def settle(audiences: list[Audience], quiet: float = 2, within: float = 180) -> float:
    """Waits until nobody hears anything more; answers how long that took, without the quiet."""
    began = changed = time.monotonic()
    seen: list[list[int]] = []
    while (now := time.monotonic()) < changed + quiet and now < began + within:
        heard = [each.heard for each in audiences]
        if heard != seen:
            seen, changed = heard, now
        time.sleep(0.05)
    return changed - began


class Pulse:
    """Does something again and again, and keeps how long each took."""

    def __init__(self, name: str, act, pause: float = 0.1):
        self.name, self.act, self.pause = name, act, pause
        self.times: list[float] = []
        self.failures: list[str] = []
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        while not self.ended.wait(self.pause):
            began = time.monotonic()
            try:
                self.act()
            except Exception as error:
                self.failures.append(repr(error))
            self.times.append(time.monotonic() - began)

    def stop(self) -> "Pulse":
        self.ended.set()
        self.thread.join(30)
        return self

    def __str__(self) -> str:
        ordered = sorted(self.times)
        middle, late = ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.99)]
        text = f"{self.name}: {len(ordered)} times, median {middle * 1000:.0f} ms, p99 {late * 1000:.0f} ms"
        return f"{text}, most {ordered[-1] * 1000:.0f} ms, failures {len(self.failures)} {self.failures[:2]}"


def liveness(program: Program) -> Pulse:
    session = requests.Session()

    def ask() -> None:
        assert session.get(program.url("ops", "/health/live"), timeout=10).status_code == 200

    return Pulse(f"{program.name} /health/live", ask)


def innocent(view: Platform, channel: str, thing: Thing, listener: Thing) -> list[Pulse]:
    """Another tenant's publishes, by MQTT until they arrive and by HTTP until they are accepted."""
    hears = RawMQTT(view.connect("mqtt", timeout=20)).connect("innocent listener", listener.id, listener.key)
    assert hears.subscribe(topic(channel, "mqtt"), qos=1) == [1]
    sends = RawMQTT(view.connect("mqtt", timeout=20)).connect("innocent", thing.id, thing.key)

    def by_mqtt() -> None:
        sends.send(mqtt.publish(topic(channel, "mqtt"), b"one", 1))
        assert sends.packet().kind == mqtt.PUBACK
        hears.message()

    def by_http() -> None:
        assert publish_http(view, channel, thing.key, b"two", "http") == 202

    return [Pulse("another tenant, MQTT to subscriber", by_mqtt), Pulse("another tenant, HTTP", by_http)]


def peak_memory(pid: int) -> int:
    """The most that was ever resident, in MiB."""
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) >> 10
