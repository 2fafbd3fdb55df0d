"""A CA with certificates for servers and things, made for one run by the Makefile that a site uses."""

import dataclasses
import os
import shutil

from .process import run_to_end
from .target import TLS

SSL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "ssl")


@dataclasses.dataclass
class Pair:
    certificate: str  # path
    key: str  # path


class Certificates:
    """ECDSA P-256 throughout."""

    def __init__(self, folder, version="1.3"):
        # A copy, without what somebody may have made there: the repository stays as it is.
        shutil.copytree(SSL, folder, ignore=shutil.ignore_patterns("certs"))
        self.folder, self.version = folder, version
        self.make("ca")
        self.make("server_cert")
        self.ca, self.server = self.pair("ca").certificate, self.pair("mainflux-server")

    @property
    def tls(self):
        return TLS(self.ca, self.version)

    def with_accounts(self, accounts, name, common_name):
        """(user, password, certificate, key) of each, where the CN follows from user and password."""
        pairs = [self.thing(common_name(*each), f"{name}-{number}") for number, each in enumerate(accounts)]
        return [(*account, pair.certificate, pair.key) for account, pair in zip(accounts, pairs)]

    def thing(self, key, name):
        """What a thing with this key shows."""
        self.make("thing_cert", f"KEY={key}", f"CRT_FILE_NAME={name}")
        return self.pair(name)

    def make(self, *arguments):
        run_to_end(["make", "--silent", "-C", self.folder, *arguments], 30)

    def pair(self, name):
        return Pair(f"{self.folder}/certs/{name}.crt", f"{self.folder}/certs/{name}.key")
