"""Works for the things service."""

import concurrent.futures
import dataclasses
import time

from .api import API
from .work import Turn


@dataclasses.dataclass
class BulkCreation:
    """Things by the thousand, over some connections at once. What counts are things."""

    port: int
    token: str
    seconds: float
    connections: int = 4
    size: int = 1_000

    def drive(self, target):
        target.program.check_running()
        wanted = [{"name": f"bulk {number}"} for number in range(self.size)]
        begin, before = time.monotonic(), target.program.cpu_seconds()
        with concurrent.futures.ThreadPoolExecutor(self.connections) as pool:
            requests = sum(pool.map(lambda _: self.post_until(begin + self.seconds, wanted), range(self.connections)))
        seconds, cpu = time.monotonic() - begin, target.program.cpu_seconds() - before
        made = requests * self.size
        return Turn(made / seconds, made / max(cpu, 0.01), cpu / seconds, {"things": made})

    def post_until(self, end, wanted):
        count = 0
        while time.monotonic() < end:
            API(self.port).post("/things/bulk", wanted, 201, self.token)
            count += 1
        return count
