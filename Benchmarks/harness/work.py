"""A work drives one server once and says what it got through and what that cost the server.

Here: HTTP, with wrk and h2load.
"""

import dataclasses
import http.client
import json
import os
import urllib.parse

from .failure import BenchFailure
from .process import run_to_end

# 165 bytes: three values of one device.
SENML = (
    '[{"bn":"some-base-name:","bt":1.276020076001e+09,"bu":"A","bver":5,"n":"voltage","u":"V","v":120.15},'
    '{"n":"current","t":-5,"v":1.21},{"n":"current","t":-4,"v":1.33}]'
)
WRK_THREADS, WRK_CONNECTIONS = 1, 32


@dataclasses.dataclass
class Turn:
    """One run of one work against one server."""

    per_second: float
    per_cpu_second: float
    server_cpu_share: float
    detail: dict
    bytes_each: float | None = None  # the server's memory for one connection
    p99_us: float | None = None  # what 99 % of the messages took, or of the requests


@dataclasses.dataclass
class HTTPRequests:
    """The same request again and again over kept connections, with wrk; unless said otherwise it publishes SenML."""

    folder: str
    seconds: float
    method: str = "POST"
    body: str = SENML
    status: int = 202
    connections: int = WRK_CONNECTIONS

    def drive(self, target):
        target.program.check_running()
        self.check_answer(target)
        script = f"{self.folder}/publish.lua"
        with open(script, "w", encoding="utf-8") as file:
            file.write(wrk_script(self.method, self.body, headers_of(target)))
        command = ["wrk", f"-t{WRK_THREADS}", f"-c{self.connections}", f"-d{max(1, round(self.seconds))}s"]
        before = target.program.cpu_seconds()
        output = run_to_end([*command, "-s", script, target.url], self.seconds + 60)
        cpu = target.program.cpu_seconds() - before
        result = json.loads(output.splitlines()[-1])
        errors = {name: count for name, count in result["errors"].items() if count}
        if errors or not result["requests"] or cpu <= 0:
            raise BenchFailure(f"{target.name}: {result['requests']} requests, errors {errors}")
        seconds = result["duration_us"] / 1e6
        p99 = result["latency_us"]["p99"]
        return Turn(result["requests"] / seconds, result["requests"] / cpu, cpu / seconds, result, p99_us=p99)

    def check_answer(self, target):
        """wrk tells only errors from successes: look at one answer closely."""
        url = urllib.parse.urlsplit(target.url)
        connection = http.client.HTTPConnection(url.hostname, url.port, timeout=10)
        try:
            connection.request(self.method, f"{url.path}?{url.query}", self.body, headers_of(target))
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException) as error:
            raise BenchFailure(f"{target.name}: {error}") from error
        finally:
            connection.close()
        if status != self.status:
            raise BenchFailure(f"{target.name} answers {status} instead of {self.status}")


@dataclasses.dataclass
class PacedHTTPRequests(HTTPRequests):
    """SenML at a rate, with h2load: what counts is how long a request takes."""

    share: float = 0.5  # of what each server does as fast as it can

    def drive(self, target):
        full = HTTPRequests.drive(self, target).per_second
        log, body = f"{self.folder}/requests", f"{self.folder}/body"
        with open(body, "w", encoding="utf-8") as file:
            file.write(self.body)
        seconds = max(1, round(self.seconds))
        command = ["h2load", "--h1", f"-c{WRK_CONNECTIONS}", f"--rps={self.share * full / WRK_CONNECTIONS:.1f}"]
        command += [f"--duration={seconds}", "--warm-up-time=1", f"--log-file={log}", f"--data={body}"]
        command += [f"--header={name}: {value}" for name, value in headers_of(target).items()]
        before = target.program.cpu_seconds()
        run_to_end([*command, target.url], self.seconds + 60)
        cpu = target.program.cpu_seconds() - before
        times = answer_times(log)
        os.remove(log)
        if len(times) < 0.98 * self.share * full * seconds:
            raise BenchFailure(f"{target.name}: {len(times)} requests, where {self.share * full * seconds:.0f} were due")
        # CPU is that of the warm-up too.
        detail = {"requests": len(times), "rate": self.share * full}
        per_cpu = len(times) * (seconds + 1) / seconds / cpu if cpu > 0 else 0
        return Turn(len(times) / seconds, per_cpu, cpu / (seconds + 1), detail, p99_us=times[len(times) * 99 // 100])


def answer_times(log):
    """What the requests took in µs, least first."""
    with open(log, encoding="ascii") as file:
        answers = [line.split() for line in file]
    wrong = {status for _, status, _ in answers if status != "202"}
    if wrong or not answers:
        raise BenchFailure(f"{len(answers)} requests, answers {wrong}")
    return sorted(int(time) for _, _, time in answers)


def headers_of(target):
    return {"Content-Type": "application/senml+json"} | target.headers


def wrk_script(method, body, headers):
    lines = [f"wrk.method = {json.dumps(method)}", f"wrk.body = {json.dumps(body)}"]
    lines += [f"wrk.headers[{json.dumps(name)}] = {json.dumps(value)}" for name, value in headers.items()]
    return "\n".join(lines) + WRK_DONE


WRK_DONE = """
function done(summary, latency, requests)
    local e = summary.errors
    io.write(string.format(
        '{"requests":%d,"duration_us":%d,"latency_us":{"p50":%d,"p99":%d,"max":%d},' ..
        '"errors":{"connect":%d,"read":%d,"write":%d,"status":%d,"timeout":%d}}\\n',
        summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), latency.max,
        e.connect, e.read, e.write, e.status, e.timeout))
end
"""
