"""What `ssl/Makefile` makes, refuses, and leaves alone."""

import datetime
import os
import pathlib
import shutil
import stat
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from support.server import REPOSITORY

KEY = "0b7c8f6e-key-of-a-thing"
SIGNS = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
OWN = ("mainflux-server", "service-ca", "Service-CA", "services", "proxy")
SPECIAL = "\"#$'+,/;=\\"  # Those that mean something to make, a shell, a configuration file or a subject's text.


class Folder:
    """A copy of `ssl/`, in which targets are made."""

    def __init__(self, path: pathlib.Path):
        self.path, self.certs = path, path / "certs"

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess:
        inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        command = ["make", "-C", str(self.path), *arguments]
        return subprocess.run(command, env={**inherited, **variables}, capture_output=True, text=True, timeout=60)

    def make(self, *arguments: str, **variables: str) -> str:
        ended = self.run(*arguments, **variables)
        assert ended.returncode == 0, ended
        assert ended.stderr == "", "what went well has nothing to complain about"
        return ended.stdout

    def refusal(self, *arguments: str, **variables: str) -> str:
        ended = self.run(*arguments, **variables)
        assert ended.returncode != 0, ended
        return ended.stderr

    def files(self) -> dict[str, bytes]:
        return {each.name: each.read_bytes() for each in self.certs.iterdir()} if self.certs.exists() else {}

    def certificate(self, name: str) -> x509.Certificate:
        return x509.load_pem_x509_certificate((self.certs / f"{name}.crt").read_bytes())

    def verify(self, name: str, purpose: str, ca: str = "ca") -> subprocess.CompletedProcess:
        command = ["openssl", "verify", "-x509_strict", "-CAfile", f"{ca}.crt", "-purpose", purpose, f"{name}.crt"]
        return subprocess.run(command, cwd=self.certs, capture_output=True, text=True)


@pytest.fixture
def folder(tmp_path) -> Folder:
    shutil.copytree(REPOSITORY / "ssl", tmp_path / "ssl", ignore=shutil.ignore_patterns("certs"))
    return Folder(tmp_path / "ssl")


@pytest.fixture(scope="module")
def with_ca(tmp_path_factory) -> pathlib.Path:
    path = tmp_path_factory.mktemp("with-ca") / "ssl"
    shutil.copytree(REPOSITORY / "ssl", path, ignore=shutil.ignore_patterns("certs"))
    Folder(path).make("ca")
    return path


@pytest.fixture
def ready(with_ca, tmp_path) -> Folder:
    """One that has a CA."""
    shutil.copytree(with_ca, tmp_path / "ssl")
    return Folder(tmp_path / "ssl")


def _common_name(certificate: x509.Certificate) -> str:
    (name,) = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return name.value


def _extension(certificate: x509.Certificate, kind):
    return certificate.extensions.get_extension_for_class(kind)


def _usages(certificate: x509.Certificate) -> set[str]:
    usage = _extension(certificate, x509.KeyUsage).value
    names = ("digital_signature", "key_encipherment", "key_agreement", "key_cert_sign", "crl_sign", "data_encipherment")
    return {name for name in names if getattr(usage, name)}


class TestWhatIsMade:
    def test_all_makes_the_cas_and_what_every_program_needs_and_the_rest_has_the_known_names(self, folder):
        folder.make("all")
        assert set(folder.files()) == {
            *("ca.crt", "ca.key", "service-ca.crt", "service-ca.key"),
            *("mainflux-server.crt", "mainflux-server.key"),
            *("services.crt", "services.key", "proxy.crt", "proxy.key"),
            *("client.crt", "client.key"),
        }
        folder.make("thing_cert", f"KEY={KEY}")
        folder.make("thing_cert", f"KEY={KEY}", "CRT_FILE_NAME=roof.north-1_a")
        folder.make("crl")
        made = {"thing.crt", "thing.key", "roof.north-1_a.crt", "roof.north-1_a.key", "ca.crl"}
        assert made <= set(folder.files())

    def test_what_holds_a_key_is_for_its_owner_and_other_certificates_for_everybody(self, folder):
        """A thing's certificate holds one, as its CN."""
        folder.make("all")
        folder.make("thing_cert", f"KEY={KEY}")
        folder.make("revoke", "CRT_FILE_NAME=thing")
        for each in folder.certs.iterdir():
            public = each.suffix in (".crt", ".crl") and each.name != "thing.crt"
            assert stat.S_IMODE(each.stat().st_mode) == (0o644 if public else 0o600), each.name

    def test_a_key_is_never_open_to_others_while_it_is_made(self, folder, tmp_path):
        """An `openssl` that notes the umask under which it is called, with the mode of the folder it works in."""
        program = tmp_path / "openssl"
        program.write_text(
            f'#!/bin/sh\numask >>"{tmp_path}/seen"\nstat -c %a certs/.work >>"{tmp_path}/seen"\nexec openssl "$@"\n'
        )
        program.chmod(0o755)

        folder.make("ca", OPENSSL=str(program))

        assert set((tmp_path / "seen").read_text().split()) == {"0077", "700"}

    def test_validity_is_1095_days_for_the_ca_1000_for_a_server_730_for_a_thing(self, folder):
        folder.make("all")
        folder.make("thing_cert", f"KEY={KEY}")
        now = datetime.datetime.now(datetime.timezone.utc)
        for name, days in (
            *(("ca", 1095), ("mainflux-server", 1000), ("thing", 730)),
            *(("service-ca", 1095), ("services", 1000), ("proxy", 730), ("client", 730)),
        ):
            certificate = folder.certificate(name)
            length = certificate.not_valid_after_utc - certificate.not_valid_before_utc
            assert length == datetime.timedelta(days=days), name
            assert abs(certificate.not_valid_before_utc - now) < datetime.timedelta(minutes=1)

    def test_all_are_x509_version_3_with_what_each_may_be_used_for(self, folder):
        folder.make("all")
        folder.make("thing_cert", f"KEY={KEY}")
        authority = {"key_cert_sign", "crl_sign"}, None
        server, client = (
            ({"digital_signature"}, purpose)
            for purpose in (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)
        )
        purposes = {
            ("ca", "ca"): authority,
            ("mainflux-server", "ca"): server,
            ("thing", "ca"): client,
            ("service-ca", "service-ca"): authority,
            ("services", "service-ca"): server,
            ("proxy", "service-ca"): client,
            ("client", "service-ca"): client,
        }
        for (name, signer), (usages, extended) in purposes.items():
            certificate = folder.certificate(name)
            authority = _extension(folder.certificate(signer), x509.SubjectKeyIdentifier).value.digest
            assert certificate.version == x509.Version.v3
            basic = _extension(certificate, x509.BasicConstraints)
            assert basic.critical and basic.value.ca == (name == signer)
            assert _extension(certificate, x509.KeyUsage).critical and _usages(certificate) == usages
            if extended:
                assert list(_extension(certificate, x509.ExtendedKeyUsage).value) == [extended]
            assert _extension(certificate, x509.SubjectKeyIdentifier).value.digest
            assert _extension(certificate, x509.AuthorityKeyIdentifier).value.key_identifier == authority

    def test_the_chain_verifies_for_its_purpose_and_no_other(self, folder):
        folder.make("all")
        folder.make("thing_cert", f"KEY={KEY}")
        for name, ca, good, bad in (
            ("mainflux-server", "ca", "sslserver", "sslclient"),
            ("thing", "ca", "sslclient", "sslserver"),
            ("services", "service-ca", "sslserver", "sslclient"),
            ("proxy", "service-ca", "sslclient", "sslserver"),
            ("client", "service-ca", "sslclient", "sslserver"),
        ):
            assert folder.verify(name, good, ca).returncode == 0, folder.verify(name, good, ca)
            assert folder.verify(name, bad, ca).returncode != 0, name

    def test_who_may_sign_for_things_cannot_make_a_proxy_and_the_other_way_round(self, folder):
        folder.make("all")
        folder.make("thing_cert", "KEY=fluxgate-proxy")
        assert _common_name(folder.certificate("proxy")) == _common_name(folder.certificate("thing"))
        for name, stranger in (("thing", "service-ca"), ("proxy", "ca"), ("client", "ca"), ("services", "ca")):
            assert folder.verify(name, "any", stranger).returncode != 0, name

    def test_serials_are_random(self, ready):
        serials = set()
        for _ in range(3):
            ready.make("thing_cert", f"KEY={KEY}", "FORCE=1")
            serials.add(ready.certificate("thing").serial_number)
        assert len(serials) == 3 and min(serials).bit_length() > 64

    def test_subjects_are_those_of_mainflux_without_the_mail_address(self, folder):
        folder.make("all")
        folder.make("thing_cert", f"KEY={KEY}")
        subjects = {
            name: [(each.oid._name, each.value) for each in folder.certificate(name).subject]
            for name in ("ca", "mainflux-server", "thing", "service-ca", "services", "proxy", "client")
        }
        organization = ("organizationName", "Mainflux")
        unit = ("organizationalUnitName", "mainflux")
        assert subjects == {
            "ca": [organization, ("organizationalUnitName", "IoT"), ("commonName", "Fluxgate CA")],
            "mainflux-server": [organization, unit, ("commonName", "localhost")],
            "thing": [organization, unit, ("commonName", KEY)],
            "service-ca": [organization, ("organizationalUnitName", "IoT"), ("commonName", "Fluxgate service CA")],
            "services": [organization, unit, ("commonName", "services")],
            "proxy": [organization, unit, ("commonName", "fluxgate-proxy")],
            "client": [organization, unit, ("commonName", "fluxgate-client")],
        }

    def test_keys_are_ecdsa_p_256_and_belong_to_their_certificates(self, folder):
        folder.make("all")
        for name in ("ca", "mainflux-server", "service-ca", "services", "proxy", "client"):
            public = folder.certificate(name).public_key()
            assert isinstance(public, ec.EllipticCurvePublicKey) and public.curve.name == "secp256r1"
            assert _public_half(folder.certs / f"{name}.key") == _pem(public)

    def test_rsa_is_made_for_old_devices(self, folder):
        folder.make("all", "KEY_TYPE=rsa")
        folder.make("thing_cert", "KEY_TYPE=rsa", f"KEY={KEY}")
        for name, bits in (("ca", 3072), ("mainflux-server", 3072), ("thing", 2048)):
            public = folder.certificate(name).public_key()
            assert isinstance(public, rsa.RSAPublicKey) and public.key_size == bits
            assert _public_half(folder.certs / f"{name}.key") == _pem(public)
        assert folder.verify("thing", "sslclient").returncode == 0

    def test_it_works_through_the_link_where_people_know_it(self, tmp_path):
        assert (REPOSITORY / "docker/ssl").is_symlink()
        shutil.copytree(REPOSITORY / "ssl", tmp_path / "ssl", ignore=shutil.ignore_patterns("certs"))
        shutil.copytree(REPOSITORY / "docker", tmp_path / "docker", symlinks=True)

        ended = subprocess.run(["sh", "-ec", "cd docker/ssl; make ca"], cwd=tmp_path, capture_output=True, text=True)

        assert ended.returncode == 0, ended
        assert (tmp_path / "ssl/certs/ca.crt").exists()

    def test_several_jobs_at_once_do_not_break_it(self, folder):
        folder.make("-j4", "all", "thing_cert", f"KEY={KEY}")
        assert folder.verify("thing", "sslclient").returncode == 0

    def test_two_makes_at_once_leave_a_pair_that_belongs_together(self, folder):
        makes = [
            subprocess.Popen(["make", "-C", folder.path, "ca"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for _ in range(4)
        ]
        assert sorted(each.wait(60) for each in makes) == [0, 2, 2, 2]
        assert _public_half(folder.certs / "ca.key") == _pem(folder.certificate("ca").public_key())


def _pem(public) -> str:
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def _public_half(path: pathlib.Path) -> str:
    command = ["openssl", "pkey", "-in", str(path), "-pubout"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


class TestNames:
    @pytest.mark.parametrize("where", ["command line", "environment"])
    @pytest.mark.parametrize(
        "key",
        [
            SIGNS,
            "$$(HOME)${HOME}$HOME",
            "$(shell${IFS}date)`date`",
            "\\n\\r\\t\\x41\\\\",
            "C=XX,CN=other/O=x",
            "#;comment=[section]",
            "k" * 64,
            "12345678",
            *(f"{sign}key{sign * 2}of{sign}" for sign in SPECIAL),
        ],
    )
    def test_a_thing_key_is_the_common_name_to_the_letter(self, ready, key, where):
        if where == "environment":
            said = ready.make("thing_cert", KEY=key)
        else:
            said = ready.make("thing_cert", f"KEY={key}")

        assert _common_name(ready.certificate("thing")) == key
        assert key not in said, "a key isn't printed"

    def test_a_servers_names_are_those_of_this_machine_and_its_own(self, ready):
        def names(*arguments: str) -> list[str]:
            ready.make("server_cert", "FORCE=1", *arguments)
            found = _extension(ready.certificate("mainflux-server"), x509.SubjectAlternativeName).value
            return [str(each.value) for each in found]

        assert names() == ["localhost", "127.0.0.1", "::1"]
        assert names("CN=iot.example.com") == ["localhost", "127.0.0.1", "::1", "iot.example.com"]
        assert _common_name(ready.certificate("mainflux-server")) == "iot.example.com"
        assert names("CN=192.0.2.7") == ["localhost", "127.0.0.1", "::1", "192.0.2.7"]
        assert names("CN=2001:db8::7") == ["localhost", "127.0.0.1", "::1", "2001:db8::7"]
        assert names("CN=a.example", "SAN=DNS:b.example,IP:192.0.2.8") == ["b.example", "192.0.2.8"]

    def test_the_services_have_the_names_by_which_the_composition_calls_them(self, ready):
        ready.make("server_cert", "CN=iot.example.com", "SAN=DNS:iot.example.com")
        found = _extension(ready.certificate("services"), x509.SubjectAlternativeName).value
        assert found.get_values_for_type(x509.DNSName) == [
            *("localhost", "users", "things", "http-adapter", "ws-adapter", "mqtt-adapter"),
            *("users-db", "things-db", "nats"),
        ]

    def test_a_client_has_the_name_and_the_files_that_are_wished(self, ready):
        ready.make("client_cert", "CN=things service", "CRT_FILE_NAME=things-db")
        assert _common_name(ready.certificate("things-db")) == "things service"

    def test_the_name_of_all_is_the_servers(self, folder):
        folder.make("all", "CN=iot.example.com")
        assert _common_name(folder.certificate("mainflux-server")) == "iot.example.com"
        assert _common_name(folder.certificate("client")) == "fluxgate-client"


class TestRefusals:
    @pytest.mark.parametrize(
        "key, says",
        [
            ("", "KEY is missing"),
            ("1234567", "8 at least"),
            ("k" * 65, "X.509 allows 64"),
            ("k" * 256, "X.509 allows 64"),
            ("with a blank", "printable ASCII without blanks"),
            ("with\ta tab", "printable ASCII without blanks"),
            ("with\na line", "printable ASCII without blanks"),
            ("with\x7fDEL.", "printable ASCII without blanks"),
            ("schlüssel", "printable ASCII without blanks"),
        ],
        ids=repr,
    )
    def test_a_key_that_cannot_be_is_refused_with_a_sentence(self, ready, key, says):
        before = ready.files()
        said = ready.refusal("thing_cert", KEY=key)
        assert says in said
        assert not key or key not in said, "a key isn't printed"
        assert ready.files() == before

    @pytest.mark.parametrize("target", ["thing_cert", "client_cert"])
    @pytest.mark.parametrize("name", ["../a", ".a", "-a", "a b", "$(HOME)", "ä", "ca", "CA", *OWN])
    def test_a_file_name_that_is_none_or_taken_is_refused_with_a_sentence(self, ready, target, name):
        before = ready.files()
        said = ready.refusal(target, f"KEY={KEY}", f"CRT_FILE_NAME={name}", "FORCE=1")
        assert f"CRT_FILE_NAME={name} is" in said
        assert ready.files() == before

    @pytest.mark.parametrize("name", ["a b", "a/b", "a,DNS:b", "h" * 65])
    def test_a_host_name_that_is_none_is_refused_with_a_sentence(self, ready, name):
        assert "error: CN" in ready.refusal("server_cert", f"CN={name}")
        assert "mainflux-server.crt" not in ready.files()

    def test_an_unknown_kind_of_key_is_refused_with_a_sentence(self, folder):
        assert "KEY_TYPE=dsa is not known: ec or rsa" in folder.refusal("ca", "KEY_TYPE=dsa")
        assert folder.files() == {}

    @pytest.mark.parametrize("target", ["server_cert", "thing_cert", "crl"])
    def test_without_a_ca_it_is_said_how_to_make_one(self, folder, target):
        assert "there is no CA yet" in folder.refusal(target, f"KEY={KEY}")
        assert folder.files() == {}

    @pytest.mark.parametrize("target", ["server_cert", "service_certs", "client_cert"])
    def test_without_a_service_ca_it_is_said_how_to_make_one(self, ready, target):
        (ready.certs / "service-ca.key").unlink()
        before = ready.files()
        assert "make service_ca" in ready.refusal(target)
        assert ready.files() == before
        ready.make("service_ca", "FORCE=1")
        ready.make(target, "FORCE=1")

    @pytest.mark.parametrize("file", ["ca.crt", "ca.key"])
    def test_half_a_ca_is_none(self, ready, file):
        (ready.certs / file).unlink()
        assert "a part of it is missing" in ready.refusal("server_cert")

    @pytest.mark.parametrize(
        "target, names",
        [
            ("ca", ["ca"]),
            ("service_ca", ["service-ca"]),
            ("server_cert", ["mainflux-server"]),
            ("service_certs", ["services", "proxy"]),
            ("thing_cert", ["thing"]),
            ("client_cert", ["client"]),
        ],
    )
    def test_nothing_is_overwritten_but_by_force(self, folder, target, names):
        folder.make("all")
        folder.make("thing_cert", f"KEY={KEY}")
        before = folder.files()
        said = folder.refusal(target, f"KEY={KEY}")
        assert f"certs/{names[0]}.crt is there already; FORCE=1 overwrites it." in said
        assert folder.files() == before

        folder.make(target, f"KEY={KEY}", "FORCE=1")
        changed = {file for file, data in folder.files().items() if before[file] != data}
        assert changed == {f"{name}.{suffix}" for name in names for suffix in ("crt", "key")}

    def test_a_key_alone_is_not_overwritten_either(self, ready):
        (ready.certs / "ca.crt").unlink()
        assert "certs/ca.key is there already" in ready.refusal("ca")

    def test_all_makes_what_is_missing_and_leaves_the_rest(self, folder):
        folder.make("ca")
        before = folder.files()
        folder.make("all")
        after = folder.files()
        assert {**after, **before} == after and "mainflux-server.crt" in after
        folder.make("all")
        assert folder.files() == after

    def test_a_missing_openssl_is_named(self, folder):
        assert "there is no 'openssl-none' command" in folder.refusal("ca", "OPENSSL=openssl-none")
        assert folder.files() == {}


class TestFailures:
    @pytest.mark.parametrize("step", ["genpkey", "rand", "req", "x509"])
    @pytest.mark.parametrize("force", [False, True])
    def test_a_step_that_fails_leaves_no_half(self, ready, tmp_path, step, force):
        if force:
            ready.make("thing_cert", f"KEY={KEY}")
        before = ready.files()
        program = tmp_path / "openssl"
        program.write_text(f'#!/bin/sh\n[ "$1" != {step} ] || {{ echo "CN = $KEY: no"; exit 1; }}\nexec openssl "$@"\n')
        program.chmod(0o755)

        said = ready.refusal("thing_cert", f"KEY={KEY}", f"OPENSSL={program}", f"FORCE={int(force)}")

        assert "failed" in said and KEY not in said
        assert ready.files() == before

    def test_being_stopped_leaves_no_half_and_no_lock(self, ready, tmp_path):
        before = ready.files()
        program = tmp_path / "openssl"
        program.write_text('#!/bin/sh\n[ "$1" != x509 ] || { kill -TERM $PPID; sleep 0.2; }\nexec openssl "$@"\n')
        program.chmod(0o755)

        ready.refusal("thing_cert", f"KEY={KEY}", f"OPENSSL={program}")

        assert ready.files() == before

    def test_a_lock_that_was_left_behind_is_named(self, ready):
        (ready.certs / ".work").mkdir()
        assert f"remove {ready.certs}/.work" in ready.refusal("crl", LOCK_TRIES="1")

    def test_cleaning_leaves_nothing_and_what_is_not_ours(self, folder):
        folder.make("all")
        folder.make("thing_cert", f"KEY={KEY}")
        folder.make("revoke", "CRT_FILE_NAME=thing")
        (folder.certs / "notes.txt").write_text("mine")
        (folder.certs / ".work").mkdir()
        folder.make("clean_certs")
        assert set(folder.files()) == {"notes.txt"}
        folder.make("clean_certs")


class TestRevocation:
    def _revoked(self, folder: Folder) -> set[int]:
        found = x509.load_pem_x509_crl((folder.certs / "ca.crl").read_bytes())
        assert found.is_signature_valid(folder.certificate("ca").public_key())
        assert found.next_update_utc - found.last_update_utc == datetime.timedelta(days=30)
        return {each.serial_number for each in found}

    def test_the_first_list_is_empty(self, ready):
        ready.make("crl")
        assert self._revoked(ready) == set()

    def test_a_revoked_certificate_is_on_the_list_and_no_longer_verified(self, ready):
        for name in ("thing", "other"):
            ready.make("thing_cert", f"KEY={KEY}", f"CRT_FILE_NAME={name}")
        assert KEY not in ready.make("revoke", "CRT_FILE_NAME=thing")

        assert self._revoked(ready) == {ready.certificate("thing").serial_number}
        check = ["openssl", "verify", "-crl_check", "-CAfile", "ca.crt", "-CRLfile", "ca.crl"]
        answers = [subprocess.run([*check, f"{name}.crt"], cwd=ready.certs).returncode for name in ("thing", "other")]
        assert answers[0] != 0 and answers[1] == 0

    def test_lists_are_numbered_and_keep_what_was_revoked_before(self, ready):
        serials = set()
        for number in (1, 2, 3):
            ready.make("thing_cert", f"KEY={KEY}", "FORCE=1")
            serials.add(ready.certificate("thing").serial_number)
            ready.make("revoke", "CRT_FILE_NAME=thing")
            assert self._revoked(ready) == serials
            found = x509.load_pem_x509_crl((ready.certs / "ca.crl").read_bytes())
            assert found.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number == number

    def test_revoking_twice_says_so_and_changes_nothing(self, ready):
        ready.make("thing_cert", f"KEY={KEY}")
        ready.make("revoke", "CRT_FILE_NAME=thing")
        assert "revoked already" in ready.make("revoke", "CRT_FILE_NAME=thing")
        assert self._revoked(ready) == {ready.certificate("thing").serial_number}

    def test_the_servers_certificate_can_be_revoked_the_cas_cannot(self, ready):
        ready.make("server_cert")
        ready.make("revoke", "CRT_FILE_NAME=mainflux-server")
        assert self._revoked(ready) == {ready.certificate("mainflux-server").serial_number}
        assert "is the CA's name" in ready.refusal("revoke", "CRT_FILE_NAME=ca")

    @pytest.mark.parametrize("name, says", [("", "CRT_FILE_NAME is missing"), ("none", "there is no certs/none.crt")])
    def test_what_is_not_there_cannot_be_revoked(self, ready, name, says):
        assert says in ready.refusal("revoke", f"CRT_FILE_NAME={name}")

    def test_a_new_ca_begins_with_nothing_revoked_and_does_not_revoke_what_the_old_one_signed(self, ready):
        ready.make("thing_cert", f"KEY={KEY}")
        ready.make("revoke", "CRT_FILE_NAME=thing")
        ready.make("ca", "FORCE=1")
        assert "ca.crl" not in ready.files()
        assert "was not signed by" in ready.refusal("revoke", "CRT_FILE_NAME=thing")
        ready.make("crl")
        assert self._revoked(ready) == set()


def test_help_lists_every_target(folder):
    said = folder.make("help")
    targets = (
        *("all", "ca", "service_ca", "server_cert", "service_certs", "thing_cert", "client_cert"),
        *("revoke", "crl", "clean_certs"),
    )
    assert all(f"make {target} " in said for target in targets)
