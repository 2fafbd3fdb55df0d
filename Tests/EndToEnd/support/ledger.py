"""Holds a server to what it counts of refusals: each exactly once, under its name, and nothing besides."""

import time

from support.server import Server

FAMILIES = ("fluxgate_refused_total{", "fluxgate_tls_refused_total{")


def in_protocol(protocol: str, reason: str) -> str:
    return f'fluxgate_refused_total{{protocol="{protocol}",reason="{reason}"}}'


def in_handshake(listener: str, reason: str) -> str:
    return f'fluxgate_tls_refused_total{{listener="{listener}",reason="{reason}"}}'


class Ledger:
    """What is counted too much after one `expect` is found by the next, since it goes on from what was seen last."""

    def __init__(self, server: Server):
        self.server = server
        self.seen = self._read()

    def expect(self, *names: str, times: int = 1) -> None:
        """These have moved since the last time, and no others."""
        wanted = {name: float(times) for name in names}
        deadline = time.monotonic() + 2
        while (moved := self._moved(now := self._read())) != wanted:
            if time.monotonic() > deadline or not moved.keys() <= wanted.keys():
                self.seen = now  # So that one test fails, and not all behind it.
                raise AssertionError(f"counted {moved}, not {wanted}")
            time.sleep(0.005)  # A connection is counted when it ends, which the client may see a moment earlier.
        self.seen = now

    def _moved(self, now: dict[str, float]) -> dict[str, float]:
        return {name: value - self.seen.get(name, 0) for name, value in now.items() if value != self.seen.get(name, 0)}

    def _read(self) -> dict[str, float]:
        return {name: value for name, value in self.server.metrics().items() if name.startswith(FAMILIES)}
