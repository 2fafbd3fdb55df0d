"""A foreign gRPC client: Python's grpcio, with messages described from the contract and not from our own file."""

import collections.abc
import functools

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, empty_pb2, message_factory

WAIT = 10
# Contract section 3. All fields are strings; the second ones of the answers are beyond it.
MESSAGES = {
    "AccessByKeyReq": ("token", "chanID"),
    "AccessByIDReq": ("thingID", "chanID"),
    "ThingID": ("value", "tenant"),
    "Token": ("value",),
    "UserID": ("value", "id"),
}
METHODS = {
    "mainflux.ThingsService/CanAccessByKey": ("AccessByKeyReq", "ThingID"),
    "mainflux.ThingsService/CanAccessByID": ("AccessByIDReq", "Empty"),
    "mainflux.ThingsService/Identify": ("Token", "ThingID"),
    "mainflux.UsersService/Identify": ("Token", "UserID"),
}


@functools.cache
def message(name: str) -> type:
    """The class of a message."""
    if name == "Empty":
        return empty_pb2.Empty
    pool = descriptor_pool.DescriptorPool()
    file = descriptor_pb2.FileDescriptorProto(name=f"{name}.proto", package="mainflux", syntax="proto3")
    described = file.message_type.add(name=name)
    for number, field in enumerate(MESSAGES[name], 1):
        described.field.add(
            name=field,
            number=number,
            type=descriptor_pb2.FieldDescriptorProto.TYPE_STRING,
            label=descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL,
        )
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"mainflux.{name}"))


def service_of(method: str) -> str:
    """The listener that answers it."""
    return "users-grpc" if method.startswith("mainflux.UsersService/") else "things-grpc"


class RPC:
    """Connections to one port; a context manager. With `ca` over TLS, to a server that has to be called `name`."""

    def __init__(self, port: int, ca: bytes | None = None, name: str = "localhost", host: str = "127.0.0.1"):
        options = [("grpc.use_local_subchannel_pool", 1), ("grpc.initial_reconnect_backoff_ms", 100)]
        if ca is None:
            self.channel = grpc.insecure_channel(f"{host}:{port}", options)
        else:
            options.append(("grpc.ssl_target_name_override", name))
            self.channel = grpc.secure_channel(f"{host}:{port}", grpc.ssl_channel_credentials(ca), options)

    def __enter__(self) -> "RPC":
        return self

    def __exit__(self, *_exception) -> None:
        self.channel.close()

    def _callable(self, method: str):
        _, answer = METHODS.get(method, ("Token", "Empty"))
        return self.channel.unary_unary(
            f"/{method}",
            request_serializer=lambda question: question,
            response_deserializer=message(answer).FromString,
        )

    def ask(self, method: str, question: dict[str, str] | bytes, timeout: float = WAIT, **options) -> dict[str, str]:
        """The fields of the answer. Raises grpc.RpcError, which says code and details, for any other."""
        answer = self._callable(method)(packed(method, question), timeout=timeout, **options)
        return {field.name: value for field, value in answer.ListFields()}

    def begin(self, method: str, question: dict[str, str] | bytes, timeout: float = WAIT) -> grpc.Future:
        return self._callable(method).future(packed(method, question), timeout=timeout)

    def outcome(self, method: str, question: dict[str, str] | bytes, **options) -> tuple[str, str]:
        """The name of the status code, and its message."""
        return outcome(lambda: self.ask(method, question, **options))


def packed(method: str, question: dict[str, str] | bytes) -> bytes:
    """The bytes of a question; bytes are sent as they are."""
    if isinstance(question, bytes):
        return question
    return message(METHODS[method][0])(**question).SerializeToString()


def outcome(ask: collections.abc.Callable[[], object]) -> tuple[str, str]:
    try:
        ask()
    except grpc.RpcError as error:
        return error.code().name, error.details()
    return "OK", ""
