"""As much of an HTTP client as provisioning needs."""

import contextlib
import dataclasses
import http.client
import json

from .failure import BenchFailure


@dataclasses.dataclass
class Answer:
    status: int
    location: str
    text: str

    def json(self):
        return json.loads(self.text)


class API:
    """One listener on the loopback interface."""

    def __init__(self, port):
        self.port = port

    def get(self, path):
        return self.expect("GET", path, None, {}, 200)

    def post(self, path, value, status, token=None):
        headers = {"Content-Type": "application/json"} | ({"Authorization": token} if token else {})
        return self.expect("POST", path, json.dumps(value), headers, status)

    def answers(self, path):
        with contextlib.suppress(OSError, http.client.HTTPException):
            return self.request("GET", path).status == 200
        return False

    def expect(self, method, path, body, headers, status):
        try:
            answer = self.request(method, path, body, headers)
        except (OSError, http.client.HTTPException) as error:
            raise BenchFailure(f"{method} {path}: {error}") from error
        if answer.status != status:
            raise BenchFailure(f"{method} {path}: {answer.status} instead of {status}: {answer.text[:300]}")
        return answer

    def request(self, method, path, body=None, headers=None):
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)) as connection:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return Answer(response.status, response.getheader("Location", ""), response.read().decode())
