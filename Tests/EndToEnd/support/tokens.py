"""Tokens that only who knows the secret can make, and some that are made without it."""

import base64
import functools
import hashlib
import hmac
import json

from support.world import World


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decoded(text: str) -> dict:
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


class TokenWorld(World):
    """A world of a platform whose secret the test has chosen."""

    def _signed(self, secret: str | None = None, algorithm: str = "HS256", **claims) -> str:
        head, body, _ = self.account.token.split(".")
        parts = (_decoded(head) | {"alg": algorithm}, _decoded(body) | claims)
        text = ".".join(_encoded(json.dumps(each).encode()) for each in parts)
        key = secret or self.account.server.variables["MF_USERS_SECRET"]
        digest = {"HS256": hashlib.sha256, "HS512": hashlib.sha512}[algorithm]
        return f"{text}.{_encoded(hmac.new(key.encode(), text.encode(), digest).digest())}"

    signed_again_token = functools.cached_property(lambda self: self._signed())
    expired_token = functools.cached_property(lambda self: self._signed(exp=self._claim("iat") - 1))
    foreign_secret_token = functools.cached_property(lambda self: self._signed(secret="another secret, long enough"))
    other_algorithm_token = functools.cached_property(lambda self: self._signed(algorithm="HS512"))
    other_issuer_token = functools.cached_property(lambda self: self._signed(iss="somebody"))

    def _claim(self, name: str) -> int:
        return _decoded(self.account.token.split(".")[1])[name]
