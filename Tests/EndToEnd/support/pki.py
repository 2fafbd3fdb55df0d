"""Certificates for tests: good ones made by `ssl/Makefile`, odd ones by hand, most of them signed by the same CA."""

import dataclasses
import datetime
import ipaddress
import itertools
import os
import pathlib
import shutil
import subprocess
import warnings

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from support.server import REPOSITORY

PRINTABLE = _ASN1Type.PrintableString
CLIENT, SERVER = ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH


def now() -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)


def days(count: int) -> datetime.datetime:
    return now() + datetime.timedelta(days=count)


@dataclasses.dataclass(frozen=True)
class Pair:
    """A certificate, with those that lead to its root behind it, and its key: two PEM files."""

    certificate: pathlib.Path
    key: pathlib.Path


@dataclasses.dataclass(frozen=True)
class Signer:
    """Who may sign; `chain` is what a client sends beside what it signed."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    chain: bytes = b""


class PKI:
    """A copy of `ssl/` with a CA and a server's certificate."""

    def __init__(self, directory: pathlib.Path):
        self.directory = directory / "ssl"
        self.certs = self.directory / "certs"
        shutil.copytree(REPOSITORY / "ssl", self.directory, ignore=shutil.ignore_patterns("certs"))
        self._make("ca", "server_cert")
        self.ca = self.certs / "ca.crt"
        self.server = Pair(self.certs / "mainflux-server.crt", self.certs / "mainflux-server.key")
        self.root = Signer(
            x509.load_pem_x509_certificate(self.ca.read_bytes()),
            load_pem_private_key((self.certs / "ca.key").read_bytes(), None),
        )
        self.proxies = self.stranger("Proxies' CA")  # Signs for proxies, and for nobody else.
        self.names: set[str] = set()  # Every common name in here; none may ever be logged.
        self._numbers = itertools.count(1)

    def take_rsa(self) -> None:
        """From now on the server's key is RSA."""
        self._make("server_cert", "KEY_TYPE=rsa", "FORCE=1")

    def variables(self, *prefixes: str, clients: bool = False) -> dict[str, str]:
        """What puts listeners on TLS; with `clients` they ask for client certificates."""
        given = {}
        for prefix in prefixes:
            given[f"{prefix}_SERVER_CERT"] = str(self.server.certificate)
            given[f"{prefix}_SERVER_KEY"] = str(self.server.key)
            if clients:
                given[f"{prefix}_CLIENT_CA_CERTS"] = str(self.ca)
        return given

    def proxy_variables(self, prefix: str, *names: str) -> dict[str, str]:
        """What lets proxies of these names pass certificates on."""
        path = self.directory / "proxies.crt"
        path.write_bytes(self.proxies.certificate.public_bytes(Encoding.PEM))
        return {f"{prefix}_PROXY_CA_CERTS": str(path), f"{prefix}_TRUSTED_PROXIES": ",".join(names)}

    def thing(self, key: str, *options: str) -> Pair:
        """As an operator makes it."""
        name = f"thing{next(self._numbers)}"
        self._make("thing_cert", f"CRT_FILE_NAME={name}", *options, KEY=key)
        self.names.add(key)
        return Pair(self.certs / f"{name}.crt", self.certs / f"{name}.key")

    def signed(
        self,
        *common_names: str,
        by: Signer | None = None,
        begin: datetime.datetime | None = None,
        end: datetime.datetime | None = None,
        purpose: x509.ObjectIdentifier | None = CLIENT,
        together: bool = False,
        kind: _ASN1Type | None = None,
        host: str | None = None,
    ) -> Pair:
        """Of any shape. `together` puts several common names into one relative name; `kind` is their type of string.
        A `host` is what a server on this machine is called."""
        signer, subject = by or self.root, _subject(common_names, together, kind=kind)
        signed, key = _sign(subject, signer, begin or days(-1), end or days(1), purpose, host=host)
        self.names.update(name for name in common_names if len(name) >= 8)
        return self._write(signed.public_bytes(Encoding.PEM) + signer.chain, key)

    def self_signed(self, common_name: str) -> Pair:
        signed, key = _sign(_subject((common_name,)), None, days(-1), days(1), CLIENT)
        return self._write(signed.public_bytes(Encoding.PEM), key)

    def intermediate(self, name: str = "Roof CA", sent: bool = True, by: Signer | None = None) -> Signer:
        """A CA signed by the root, or another. Clients don't send its certificate if told so."""
        signed, key = _sign(_subject((name,)), by or self.root, days(-1), days(1), None, authority=True)
        return Signer(signed, key, signed.public_bytes(Encoding.PEM) if sent else b"")

    @staticmethod
    def stranger(name: str = "Fluxgate CA") -> Signer:
        """A CA that nobody trusts, though it has the name of ours."""
        return Signer(*_sign(_subject((name,), unit="IoT"), None, days(-1), days(1), None, authority=True))

    def signer(self, pair: Pair) -> Signer:
        """A client that signs with its own key, and sends its own certificate along."""
        data = pair.certificate.read_bytes()
        return Signer(x509.load_pem_x509_certificate(data), load_pem_private_key(pair.key.read_bytes(), None), data)

    def _write(self, certificates: bytes, key: ec.EllipticCurvePrivateKey) -> Pair:
        name = f"odd{next(self._numbers)}"
        pair = Pair(self.directory / f"{name}.crt", self.directory / f"{name}.key")
        pair.certificate.write_bytes(certificates)
        pair.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return pair

    def _make(self, *arguments: str, **variables: str) -> None:
        command = ["make", "-s", "-C", self.directory, *arguments]
        subprocess.run(command, env={"PATH": os.environ["PATH"], **variables}, check=True, capture_output=True)


def _subject(
    common_names: tuple[str, ...], together: bool = False, unit: str = "mainflux", kind: _ASN1Type | None = None
) -> x509.Name:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # The library finds an empty name odd, and so do we.
        names = [x509.NameAttribute(NameOID.COMMON_NAME, each, kind, _validate=False) for each in common_names]
    organization = [
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Mainflux"),
        x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, unit),
    ]
    relative = [[each] for each in organization] + ([names] if together else [[each] for each in names])
    return x509.Name([x509.RelativeDistinguishedName(each) for each in relative])


def _sign(
    subject: x509.Name,
    signer: Signer | None,
    begin: datetime.datetime,
    end: datetime.datetime,
    purpose: x509.ObjectIdentifier | None,
    authority: bool = False,
    host: str | None = None,
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """A certificate and its key; without a signer it signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    issuer, issuer_key = (signer.certificate.subject, signer.key) if signer else (subject, key)
    usage = dict.fromkeys(
        (
            *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
            *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
        ),
        False,
    )
    usage |= {"key_cert_sign": True, "crl_sign": True} if authority else {"digital_signature": True}
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(**usage), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )
    if purpose:
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    if host:
        names = [x509.DNSName(host), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        place = x509.UniformResourceIdentifier("http://localhost/ca.crl")  # Nobody looks there.
        point = x509.DistributionPoint([place], None, None, None)
        builder = builder.add_extension(x509.CRLDistributionPoints([point]), critical=False)
    return builder.sign(issuer_key, hashes.SHA256()), key
