"""What the separate programs can be told: their files, their secrets, and values that can't be."""

import dataclasses

# The programs with what begins the names of their variables.
PROGRAMS = {
    "users": "MF_USERS",
    "things": "MF_THINGS",
    "http-adapter": "MF_HTTP_ADAPTER",
    "ws-adapter": "MF_WS_ADAPTER",
    "mqtt-adapter": "MF_MQTT_ADAPTER",
}
ADAPTERS = ("http-adapter", "ws-adapter", "mqtt-adapter")
SERVICES = ("users", "things")

# Without these a program doesn't start.
NEEDED = {
    "users": {"MF_USERS_SECRET": "a secret of these tests alone", "MF_USERS_DB_PASS": "another"},
    "things": {"MF_THINGS_SECRET": "a secret of these tests alone", "MF_THINGS_DB_PASS": "another"},
}

# Whoever reads a program's configuration must not find these in it.
SECRETS = {
    "users": ("MF_USERS_SECRET", "MF_USERS_DB_PASS"),
    "things": ("MF_THINGS_SECRET", "MF_THINGS_OLDER_SECRETS", "MF_THINGS_DB_PASS"),
}
SHARED_SECRETS = ("MF_NATS_PASS", "MF_NATS_TOKEN")

# How the names of variables that name files end, and what such a file holds.
FILES = {
    "_SERVER_CERT": "certificate",
    "_SERVER_KEY": "key",
    "_CLIENT_CERT": "certificate",
    "_CLIENT_KEY": "key",
    "_CA_CERTS": "authorities",
    "_CREDENTIALS": "credentials",
    "_SSL_CERT": "certificate",
    "_SSL_KEY": "key",
    "_SSL_ROOT_CERT": "authorities",
}

# What can stand in the place of a file. Whoever reads a file of these sees that it isn't what was meant.
UNREADABLE = ("missing", "unreadable", "folder")
UNUSABLE = ("empty", "noise", "something else", "half of it")


@dataclasses.dataclass(frozen=True)
class Mistakes:
    """Values that no variable of a type may have; the names of some end in a way that excludes more."""

    type: str
    values: tuple[str, ...]
    ending: str = ""

    def fit(self, name: str, type: str) -> bool:
        own = type == self.type or (self.type == "choice" and "," in type)
        return own and name.endswith(self.ending)


MISTAKES = (
    Mistakes("integer", ("many", "-1", "1.5", "99999999999999999999")),
    Mistakes("integer", ("65536",), ending="_PORT"),
    Mistakes("boolean", ("perhaps", "2")),
    Mistakes("duration", ("soon", "-1s", "10 s", "0s", "99999999999h")),
    Mistakes("choice", ("nonsense",)),
    Mistakes("text", ("nonsense", "localhost:0", "localhost:65536", "http://localhost:8183", ":8183"), ending="S_URL"),
    Mistakes("addresses", ("localhost:4222", "http://localhost:4222", "nats://", "nats://a:b")),
    Mistakes("addresses", (",", "nats://user@", "nats://:4222")),
)
