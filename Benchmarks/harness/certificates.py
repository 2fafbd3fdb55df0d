"""A CA with certificates for servers and things, made for one run."""

import dataclasses
import os

from .process import run_to_end
from .target import TLS

CURVE = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]


@dataclasses.dataclass
class Pair:
    certificate: str  # path
    key: str  # path


class Certificates:
    """ECDSA P-256 throughout."""

    def __init__(self, folder, version="1.3"):
        os.makedirs(folder, mode=0o700)
        self.folder, self.version = folder, version
        self.authority = self.make("ca", "bench CA", [])
        self.server = self.leaf("server", "localhost", "serverAuth", "IP:127.0.0.1")

    @property
    def ca(self):
        return self.authority.certificate

    @property
    def tls(self):
        return TLS(self.ca, self.version)

    def with_accounts(self, accounts, name, common_name):
        """(user, password, certificate, key) of each, where the CN follows from user and password."""
        pairs = [self.thing(common_name(*each), f"{name}-{number}") for number, each in enumerate(accounts)]
        return [(*account, pair.certificate, pair.key) for account, pair in zip(accounts, pairs)]

    def thing(self, key, name):
        """What a thing with this key shows."""
        return self.leaf(name, key, "clientAuth", f"DNS:{name}")

    def leaf(self, name, common_name, usage, alternative):
        issuer = ["-CA", self.authority.certificate, "-CAkey", self.authority.key]
        extensions = "basicConstraints=critical,CA:FALSE", f"extendedKeyUsage={usage}", f"subjectAltName={alternative}"
        return self.make(name, common_name, [*issuer, *(word for each in extensions for word in ("-addext", each))])

    def make(self, name, common_name, options):
        pair = Pair(f"{self.folder}/{name}.crt", f"{self.folder}/{name}.key")
        command = ["openssl", "req", "-x509", *CURVE, "-days", "2", "-subj", f"/CN={common_name}"]
        run_to_end([*command, "-out", pair.certificate, "-keyout", pair.key, *options], 30)
        return pair
