"""Facts about the machine without which a figure says nothing."""

import os
import platform
import re
import subprocess
import time

from .failure import BenchFailure

TRACKED, MOST_TRACKED = (f"/proc/sys/net/netfilter/nf_conntrack_{name}" for name in ("count", "max"))
PEERS = {"mosquitto": ["-h"], "nginx": ["-v"], "nats-server": ["-v"]}


def facts():
    return {
        "cores": len(os.sched_getaffinity(0)),
        "cpu": cpu_model(read("/proc/cpuinfo")),
        "kernel": platform.release(),
        "load_average_at_start": round(os.getloadavg()[0], 2),
        "versions": {name: version([name, *how]) for name, how in PEERS.items()},
    }


def wait_for_room(connections, patience=180):
    """Waits until the kernel can track so many more connections, if it tracks any: beyond that it drops what comes."""
    end = time.monotonic() + patience
    while os.path.exists(TRACKED) and int(read(TRACKED)) + connections > int(read(MOST_TRACKED)):
        if time.monotonic() > end:
            raise BenchFailure(f"the kernel has no room to track {connections} more connections")
        time.sleep(1)


def version(command):
    """The first thing like a version that the program says of itself."""
    told = subprocess.run(command, capture_output=True, text=True, timeout=10)
    found = re.search(r"\d+(\.\d+)+", told.stdout + told.stderr)
    return found.group() if found else "of an unknown version"


def cpu_model(cpuinfo):
    """The first model that /proc/cpuinfo names; some architectures name none."""
    for line in cpuinfo.splitlines():
        name, _, value = line.partition(":")
        if name.strip() in ("model name", "Model", "cpu model"):
            return value.strip()
    return platform.machine()


def read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()
