"""Revocation lists for tests, and files that are replaced as operators replace them."""

import datetime
import os
import pathlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from support.pki import Pair, Signer, now


def serial(pair: Pair) -> int:
    return x509.load_pem_x509_certificate(pair.certificate.read_bytes()).serial_number


def crl(
    signer: Signer,
    *serials: int,
    begin: datetime.datetime | None = None,
    end: datetime.datetime | None = None,
    encoding: Encoding = Encoding.PEM,
) -> bytes:
    """A list, good from now for an hour unless told otherwise."""
    begin = begin or now()
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(signer.certificate.subject)
        .last_update(begin)
        .next_update(end or begin + datetime.timedelta(hours=1))
        .add_extension(x509.CRLNumber(int(begin.timestamp())), critical=False)
    )
    for number in serials:
        revoked = x509.RevokedCertificateBuilder().serial_number(number).revocation_date(begin)
        reason = x509.CRLReason(x509.ReasonFlags.key_compromise)
        builder = builder.add_revoked_certificate(revoked.add_extension(reason, critical=False).build())
    return builder.sign(signer.key, hashes.SHA256()).public_bytes(encoding)


def replace(path: pathlib.Path, content: bytes) -> None:
    """Moves a new file to the place of the old one."""
    new = path.with_name(f".{path.name}.new")
    new.write_bytes(content)
    os.replace(new, path)
