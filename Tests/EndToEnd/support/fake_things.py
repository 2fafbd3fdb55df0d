"""A foreign `mainflux.ThingsService`, of Python's grpcio, that answers as a test tells it and counts who asks what."""

import collections.abc
import concurrent.futures
import dataclasses
import threading
import time
import uuid

import grpc

from support.rpc import METHODS, message

IDENTIFY, BY_ID = "Identify", "CanAccessByID"
KNOWN = "known-"  # Where keys of things begin.
TENANT = str(uuid.uuid4())


@dataclasses.dataclass(frozen=True)
class Call:
    method: str  # Without the service's name.
    asked: dict[str, str]
    seconds: float | None  # Until the caller's deadline; None: it has none.

    @property
    def is_probe(self) -> bool:
        """With a key of nobody an adapter looks whether anybody is there."""
        return self.method == IDENTIFY and not self.asked.get("value", "").startswith(KNOWN)


Answer = collections.abc.Callable[[Call, grpc.ServicerContext], bytes]


def grants(call: Call, context: grpc.ServicerContext) -> bytes:
    """Every thing that is known may use every channel; its id is made of its key."""
    if call.is_probe:
        context.abort(grpc.StatusCode.PERMISSION_DENIED, "missing or invalid credentials provided")
    if call.method != IDENTIFY:
        return b""
    thing = str(uuid.uuid5(uuid.NAMESPACE_OID, call.asked["value"]))
    return message("ThingID")(value=thing, tenant=TENANT).SerializeToString()


def fails(method: str, code: grpc.StatusCode) -> Answer:
    """As `grants`, but for questions of one method."""

    def answer(call: Call, context: grpc.ServicerContext) -> bytes:
        if call.method == method and not call.is_probe:
            context.abort(code, "as the test wants it")
        return grants(call, context)

    return answer


def says(method: str, data: bytes) -> Answer:
    """As `grants`, but for questions of one method, which are answered with this."""
    return lambda call, context: data if call.method == method and not call.is_probe else grants(call, context)


class FakeThings(grpc.GenericRpcHandler):
    """Listens from `start` to `stop`, and again if it is started again; `answer` may be changed while it runs."""

    def __init__(self, port: int, host: str = "127.0.0.1"):
        self.port, self.host = port, host
        self.answer: Answer = grants
        self.calls: list[Call] = []
        self.lock = threading.Lock()
        self.server: grpc.Server | None = None

    def start(self) -> "FakeThings":
        self.server = grpc.server(
            concurrent.futures.ThreadPoolExecutor(32), handlers=[self], options=[("grpc.so_reuseport", 0)]
        )
        assert self.server.add_insecure_port(f"{self.host}:{self.port}") == self.port
        self.server.start()
        return self

    def stop(self) -> None:
        if self.server:
            self.server.stop(grace=None).wait()
            self.server = None

    def questions(self) -> list[Call]:
        """What was asked, without the probes."""
        with self.lock:
            return [each for each in self.calls if not each.is_probe]

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        method = details.method.lstrip("/")
        if not method.startswith("mainflux.ThingsService/"):
            return None

        def handle(asked, context: grpc.ServicerContext) -> bytes:
            remaining = context.time_remaining()
            # Without a deadline some versions say None, others a very long time.
            seconds = None if remaining is None or remaining > 1e6 else remaining
            fields = {field.name: value for field, value in asked.ListFields()}
            call = Call(method.partition("/")[2], fields, seconds)
            with self.lock:
                self.calls.append(call)
            return self.answer(call, context)

        return grpc.unary_unary_rpc_method_handler(
            handle, request_deserializer=message(METHODS[method][0]).FromString, response_serializer=lambda data: data
        )


def never(_call: Call, context: grpc.ServicerContext) -> bytes:
    """Keeps everybody waiting for as long as they want to."""
    while context.is_active():
        time.sleep(0.01)
    return b""
