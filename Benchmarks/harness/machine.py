"""Facts about the machine without which a figure says nothing."""

import os
import platform


def facts():
    return {
        "cores": len(os.sched_getaffinity(0)),
        "cpu": cpu_model(read("/proc/cpuinfo")),
        "kernel": platform.release(),
        "load_average_at_start": round(os.getloadavg()[0], 2),
    }


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
