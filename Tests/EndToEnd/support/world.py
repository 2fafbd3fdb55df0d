"""What the `$names` in the status tables stand for. Each is made when a row first asks for it."""

import base64
import functools
import re
import typing
import uuid

from support.api import PASSWORD, Account, new_email


class World:
    """One row's own things and channels, in accounts that rows share unless they end them."""

    def __init__(self, account: Account, foreign: Account):
        self.account, self.foreign = account, foreign

    def fill(self, value: typing.Any) -> typing.Any:
        """Puts this world into every `$name` of strings, also deep in lists and objects."""
        if isinstance(value, str):
            return re.sub(r"\$([a-z][a-z0-9_]*)", lambda match: getattr(self, match[1]), value)
        if isinstance(value, dict):
            return {self.fill(key): self.fill(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self.fill(each) for each in value]
        return value

    def __getattr__(self, name: str) -> str:
        """`upper_x` is x in capitals, `bare_x` without hyphens, `escaped_x` with every byte percent-encoded."""
        prefix, _, rest = name.partition("_")
        spelling = {
            "upper": str.upper,
            "bare": lambda text: text.replace("-", ""),
            "escaped": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
        }.get(prefix)
        if spelling is None:
            raise AttributeError(name)
        return spelling(getattr(self, rest))

    # Accounts and tokens.
    email = property(lambda self: self.account.email)
    token = property(lambda self: self.account.token)
    foreign_token = property(lambda self: self.foreign.token)
    new_email = functools.cached_property(lambda self: new_email("new"))
    new_local = functools.cached_property(lambda self: uuid.uuid4().hex[:10])

    @functools.cached_property
    def disposable_token(self) -> str:
        return Account(self.account.server).token

    @functools.cached_property
    def removed_token(self) -> str:
        account = Account(self.account.server)
        account.remove()
        return account.token

    @functools.cached_property
    def outdated_token(self) -> str:
        account = Account(self.account.server)
        body = {"password": "another horse", "old_password": PASSWORD}
        account.call("users", "PATCH", "/password", json=body, expect=201)
        return account.token

    @property
    def forged_token(self) -> str:
        head, claims, signature = self.account.token.split(".")
        return ".".join((head, claims, signature[::-1]))

    @property
    def unsigned_token(self) -> str:
        head = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').rstrip(b"=").decode()
        return f"{head}.{self.account.token.split('.')[1]}."

    # Things, channels, keys.
    unknown = functools.cached_property(lambda self: str(uuid.uuid4()))
    key8 = functools.cached_property(lambda self: uuid.uuid4().hex[:8])
    key256 = functools.cached_property(lambda self: (uuid.uuid4().hex * 8)[:256])
    _thing = functools.cached_property(lambda self: self.account.thing(name="lamp"))
    _other = functools.cached_property(lambda self: self.account.thing())
    _foreign = functools.cached_property(lambda self: self.foreign.thing())
    thing = property(lambda self: self._thing.id)
    thing_key = property(lambda self: self._thing.key)
    other_key = property(lambda self: self._other.key)
    foreign_thing = property(lambda self: self._foreign.id)
    foreign_key = property(lambda self: self._foreign.key)
    channel = functools.cached_property(lambda self: self.account.channel(name="hall"))
    foreign_channel = functools.cached_property(lambda self: self.foreign.channel())
    thing_etag = property(lambda self: self._etag(f"/things/{self.thing}"))
    channel_etag = property(lambda self: self._etag(f"/channels/{self.channel}"))

    def _etag(self, path: str) -> str:
        return self.account.call("things", "GET", path, expect=200).headers["ETag"]

    @functools.cached_property
    def _connection(self):
        channel, thing = self.account.channel(), self.account.thing()
        self.account.connect(channel, thing)
        return channel, thing

    connected_channel = property(lambda self: self._connection[0])
    connected_thing = property(lambda self: self._connection[1].id)
    connected_key = property(lambda self: self._connection[1].key)

    @functools.cached_property
    def removed_key(self) -> str:
        thing = self.account.thing()
        self.account.connect(self.connected_channel, thing)
        self.account.remove_thing(thing)
        return thing.key

    @functools.cached_property
    def former_key(self) -> str:
        thing = self.account.thing()
        self.account.connect(self.connected_channel, thing)
        self.account.change_key(thing, uuid.uuid4().hex)
        return thing.key
