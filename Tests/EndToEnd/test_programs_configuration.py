"""What the separate programs say of their configuration, and the mistakes in it that end them at the start."""

import functools
import os
import pathlib
import re
import socket

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from support.command import Ended, run
from support.pki import PKI
from support.variables import documented
from tables.variables import (
    ADAPTERS,
    FILES,
    MISTAKES,
    NEEDED,
    PROGRAMS,
    SECRETS,
    SERVICES,
    SHARED_SECRETS,
    UNREADABLE,
    UNUSABLE,
)

ALL = (*PROGRAMS, "fluxgate")
# For an answer of another service.
TIMEOUT = re.compile("_(USERS|THINGS)_TIMEOUT$")

# What stands in the place of a secret that nobody may see.
MARK = "no-secret-may-be-shown"


def check(name: str, **variables: str) -> Ended:
    """`fluxgate` has the option at its subcommand."""
    arguments = ("serve",) if name == "fluxgate" else ()
    return run(name, *arguments, "--check-config", **{**NEEDED.get(name, {}), **variables})


def start(name: str, **variables: str) -> Ended:
    """On ports that the system chooses, in case that it does start."""
    return run(name, **{**dict.fromkeys(ports(name), "0"), **NEEDED.get(name, {}), **variables})


@functools.cache
def ports(name: str) -> list[str]:
    """The variables of its own ones."""
    return [each for each in check(name).values if each.endswith("_PORT") and "_DB_" not in each]


@pytest.fixture
def taken_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield str(listener.getsockname()[1])


def refuses(ended: Ended, *named: str) -> bool:
    """Whether it was ended at once by a mistake, of which all this was said."""
    return ended.code == 2 and ended.seconds < 1 and all(each in ended.said for each in named)


class TestEffective:
    @pytest.mark.parametrize("name", PROGRAMS)
    def test_it_is_printed_and_nothing_is_started(self, name):
        ended = check(name)
        assert (ended.code, ended.said) == (0, "")
        assert {f"{PROGRAMS[name]}_OPS_PORT", "MF_NATS_URL", "MF_LOG_FORMAT"} <= ended.values.keys()

    def test_together_they_print_what_is_documented_and_nothing_else(self):
        printed = {variable for name in ALL for variable in check(name).values}
        assert printed == documented("Command line").keys()

    @pytest.mark.parametrize("name", ALL)
    def test_defaults_are_as_documented(self, name):
        printed, rows = check(name).values, documented()
        expected = {each: rows[each].default for each in printed if rows[each].is_constant and not TIMEOUT.search(each)}
        if name in PROGRAMS:
            expected |= {each: "0.0.0.0" for each in printed if rows[each].default == "MF_HOST"}
        assert len(expected) > 20
        assert {each: printed[each] for each in expected} == expected

    @pytest.mark.parametrize("name", [*ADAPTERS, "things"])
    def test_the_default_of_a_timeout_is_printed(self, name):
        assert [value for each, value in check(name).values.items() if TIMEOUT.search(each)] == ["1s"]

    @pytest.mark.parametrize("name", ALL)
    def test_what_follows_another_variable_is_printed_as_it_comes_out(self, name):
        rows = documented()
        values = check(name, MF_LOG_LEVEL="warn", MF_HOST="127.0.0.2").values
        assert values["MF_EVENT_LOOPS"] == str(max(1, os.cpu_count() - 1))
        for each, value in values.items():
            if rows[each].default == "MF_LOG_LEVEL":
                assert value == "warn", each
            if rows[each].default == "MF_HOST":
                assert value == ("127.0.0.2" if name == "fluxgate" else "0.0.0.0"), each
            if rows[each].type == "boolean":
                assert value in ("true", "false"), each

    @pytest.mark.parametrize("name", ALL)
    def test_a_value_that_is_set_is_printed(self, name):
        values = check(name, MF_SHUTDOWN_GRACE="3s", MF_LOG_FORMAT="json").values
        assert (values["MF_SHUTDOWN_GRACE"], values["MF_LOG_FORMAT"]) == ("3s", "json")

    @pytest.mark.parametrize("name", ALL)
    def test_an_empty_variable_counts_as_unset(self, name):
        usual = check(name).values
        given = {**dict.fromkeys(usual, ""), **NEEDED.get(name, {})}
        arguments = ("serve",) if name == "fluxgate" else ()
        assert run(name, *arguments, "--check-config", **given).values == usual

    @pytest.mark.parametrize("name", PROGRAMS)
    def test_no_secret_is_printed(self, name):
        secrets = (*SECRETS.get(name, ()), *SHARED_SECRETS)
        url = f"nats://{MARK}:{MARK}@one:4222,tls://{MARK}@two"
        ended = check(name, MF_NATS_URL=url, MF_NATS_USER="fluxgate", **dict.fromkeys(secrets, MARK))

        assert ended.code == 0
        assert MARK not in ended.printed + ended.said
        assert {each: ended.values[each] for each in secrets} == dict.fromkeys(secrets, "(hidden)")
        assert ended.values["MF_NATS_URL"] == "nats://(hidden)@one:4222,tls://(hidden)@two"

    @pytest.mark.parametrize("name", PROGRAMS)
    def test_no_secret_stands_in_a_complaint(self, name):
        secrets = dict.fromkeys(SECRETS.get(name, ()), MARK)
        for each in (f"nats:{MARK}@one", f"redis://{MARK}@one:4222", f"nats://u:{MARK},x@one"):
            ended = check(name, MF_NATS_URL=each, MF_NATS_TOKEN=MARK, **secrets)
            assert refuses(ended, "MF_NATS_URL"), ended
            assert MARK not in ended.said + ended.printed

    @pytest.mark.parametrize("name", PROGRAMS)
    def test_slips_of_the_pen_in_its_own_names_are_told_of_and_other_programs_names_are_not(self, name):
        other = "users" if name != "users" else "things"
        slips = {f"{PROGRAMS[name]}_LOG_LEVLE": "info", f"{PROGRAMS[other]}_LOG_LEVLE": "info"}
        ended = check(name, **slips)
        assert ended.code == 0
        assert f"{PROGRAMS[name]}_LOG_LEVLE" in ended.printed
        assert f"{PROGRAMS[other]}_LOG_LEVLE" not in ended.printed


class TestFiles:
    """Each variable that names a file, set to one that can't be used, ends the program before it has done anything."""

    @staticmethod
    def contents(pki: PKI) -> dict[str, bytes]:
        return {
            "certificate": pki.server.certificate.read_bytes(),
            "key": pki.server.key.read_bytes(),
            "authorities": pki.ca.read_bytes(),
            "credentials": b"",
        }

    @staticmethod
    def variables(pki: PKI, name: str) -> dict[str, str]:
        """A configuration in which every file is used."""
        prefix = PROGRAMS[name]
        given = pki.variables(prefix, clients=name in ADAPTERS) | pki.variables(f"{prefix}_OPS")
        known = check(name).values
        if f"{prefix}_DB_SSL_MODE" in known:
            given |= {f"{prefix}_DB_SSL_MODE": "verify-full", f"{prefix}_DB_SSL_ROOT_CERT": str(pki.ca)}
            given |= {f"{prefix}_DB_SSL_CERT": str(pki.server.certificate), f"{prefix}_DB_SSL_KEY": str(pki.server.key)}
        for asking in ("MF_NATS", prefix):
            if f"{asking}_CLIENT_CERT" in known:
                pair = {"CERT": pki.server.certificate, "KEY": pki.server.key}
                given |= {f"{asking}_CLIENT_{half}": str(path) for half, path in pair.items()}
                given |= {f"{asking}_CA_CERTS": str(pki.ca)}
        if f"{prefix}_PROXY_CA_CERTS" in known:
            authorities = pki.directory / "proxies.crt"
            authorities.write_bytes(pki.stranger("Proxies").certificate.public_bytes(Encoding.PEM))
            given |= {f"{prefix}_PROXY_CA_CERTS": str(authorities), f"{prefix}_TRUSTED_PROXIES": "proxy"}
        return given

    @staticmethod
    def file(directory: pathlib.Path, kind: str, content: bytes, wrong: bytes) -> pathlib.Path:
        path = directory / f"{kind.replace(' ', '-')}.pem"
        made = {"empty": b"", "noise": bytes(range(256)), "something else": wrong, "half of it": content[:200]}
        if kind == "folder":
            path.mkdir()
        elif kind != "missing":
            path.write_bytes(made.get(kind, content))
            path.chmod(0 if kind == "unreadable" else 0o600)
        return path

    @pytest.mark.parametrize("kind", [*UNREADABLE, *UNUSABLE])
    @pytest.mark.parametrize("name", PROGRAMS)
    def test_one_that_cannot_be_used_ends_the_start_and_is_named(self, pki, tmp_path, name, kind):
        usual = self.variables(pki, name)
        named = [each for each in check(name, **usual).values if each.endswith(tuple(FILES))]
        assert len(named) >= 6 + (name != "users")

        tried = [each for each in named if kind in UNREADABLE or not each.startswith("MF_NATS_")]
        assert self.let_through(pki, tmp_path, name, kind, usual, tried) == []

    @pytest.mark.parametrize("variable", ["MF_NATS_CA_CERTS", "MF_NATS_CREDENTIALS"])
    @pytest.mark.parametrize("kind", UNUSABLE[:3])
    def test_one_for_nats_that_holds_something_else_ends_the_start(self, pki, tmp_path, variable, kind):
        assert self.let_through(pki, tmp_path, "users", kind, {}, [variable]) == []

    def let_through(self, pki: PKI, tmp_path, name: str, kind: str, usual: dict[str, str], tried: list[str]) -> list:
        """What a file of that kind, in the place of each variable that is named, doesn't end at once."""
        contents, found = self.contents(pki), []
        for number, variable in enumerate(tried):
            holds = next(what for ending, what in FILES.items() if variable.endswith(ending))
            directory = tmp_path / str(number)
            directory.mkdir()
            wrong = contents["certificate" if holds == "key" else "key"]
            path = str(self.file(directory, kind, contents[holds], wrong))
            for does in (start, check) if kind == "missing" else (start,):
                ended = does(name, **{**usual, variable: path})
                assert "PRIVATE KEY" not in ended.said + ended.printed
                if not refuses(ended, variable, path):
                    found.append((does.__name__, variable, ended))
        return found

    @pytest.mark.parametrize("name", PROGRAMS)
    def test_the_good_ones_are_taken(self, pki, name):
        ended = check(name, **self.variables(pki, name))
        assert ended.code == 0, ended.said

    @pytest.mark.parametrize("name", SERVICES)
    @pytest.mark.parametrize("given, missing", [("CERT", "KEY"), ("KEY", "CERT")])
    def test_half_a_pair_of_a_service_is_told_of(self, pki, name, given, missing):
        prefix = f"{PROGRAMS[name]}_SERVER"
        variables = pki.variables(PROGRAMS[name])
        del variables[f"{prefix}_{missing}"]
        ended = check(name, **variables)
        assert ended.code == 0
        assert f"# {prefix}_{given} without {prefix}_{missing}" in ended.printed

    @pytest.mark.parametrize("name", ADAPTERS)
    @pytest.mark.parametrize("given, missing", [("CERT", "KEY"), ("KEY", "CERT")])
    def test_half_a_pair_of_an_adapter_ends_the_start(self, pki, name, given, missing):
        prefix = f"{PROGRAMS[name]}_SERVER"
        variables = pki.variables(PROGRAMS[name])
        del variables[f"{prefix}_{missing}"]
        assert refuses(start(name, **variables), f"{prefix}_{given}", f"{prefix}_{missing}")

    @pytest.mark.parametrize("name", [*ADAPTERS, "things"])
    def test_no_tls_beside_a_file_of_authorities_ends_the_start(self, pki, name):
        prefix = PROGRAMS[name]
        given = {f"{prefix}_CA_CERTS": str(pki.ca), f"{prefix}_CLIENT_TLS": "false"}
        assert refuses(start(name, **given), *given)

    @pytest.mark.parametrize(
        "name, asking", [*((name, PROGRAMS[name]) for name in (*ADAPTERS, "things")), ("users", "MF_NATS")]
    )
    def test_a_certificate_to_show_needs_its_key_and_tls(self, pki, name, asking):
        names = [f"{asking}_CLIENT_CERT", f"{asking}_CLIENT_KEY"]
        pair = dict(zip(names, (str(pki.server.certificate), str(pki.server.key))))
        assert refuses(start(name, **pair), f"{asking}_CA_CERTS", names[0])
        pair[f"{asking}_CA_CERTS"] = str(pki.ca)
        assert check(name, **pair).code == 0
        for missing, given in (names, reversed(names)):
            assert refuses(start(name, **{each: pair[each] for each in pair if each != missing}), missing, given)
        other = str(pki.signed("another-pair").key)
        assert refuses(start(name, **{**pair, names[1]: other}), names[1], other)

    @pytest.mark.parametrize("name", SERVICES)
    def test_grpc_that_asks_for_certificates_needs_one_of_its_own(self, pki, name):
        authorities = f"{PROGRAMS[name]}_CLIENT_CA_CERTS"
        assert refuses(start(name, **{authorities: str(pki.ca)}), authorities, f"{PROGRAMS[name]}_SERVER_CERT")

    @pytest.mark.parametrize("name", PROGRAMS)
    def test_a_plain_listener_ends_the_start_where_tls_is_required(self, pki, name):
        for missing in (PROGRAMS[name], f"{PROGRAMS[name]}_OPS"):
            pairs = {PROGRAMS[name], f"{PROGRAMS[name]}_OPS"} - {missing}
            ended = start(name, MF_REQUIRE_TLS="true", **pki.variables(*pairs))
            assert refuses(ended, "MF_REQUIRE_TLS", f"{missing}_SERVER_CERT"), ended


class TestValues:
    @pytest.mark.parametrize("name", PROGRAMS)
    def test_one_that_cannot_be_ends_the_start_and_is_named(self, name):
        rows, known = documented(), check(name).values
        # What all read alike is tried with one of them.
        tried = [each for each in known if each.startswith(PROGRAMS[name]) or name == "http-adapter"]
        let_through = []
        for variable in tried:
            found = [each.values for each in MISTAKES if each.fit(variable, rows[variable].type)]
            for number, value in enumerate(value for values in found for value in values):
                ended = (check if number else start)(name, **{variable: value})
                shown = (variable,) if rows[variable].type == "addresses" else (variable, f"'{value}'")
                if not refuses(ended, *shown):
                    let_through.append((variable, value, ended))
        assert let_through == []

    @pytest.mark.parametrize("value", ["nats://one:99999", "nats://one:0"])
    def test_a_port_of_nats_that_cannot_be_ends_the_start(self, value):
        assert refuses(check("users", MF_NATS_URL=value), "MF_NATS_URL")

    @pytest.mark.parametrize("name", SERVICES)
    def test_a_service_does_not_start_without_its_secret(self, name):
        secret = f"{PROGRAMS[name]}_SECRET"
        assert refuses(run(name, "--check-config"), secret)
        assert refuses(run(name, **{secret: ""}), secret)

    @pytest.mark.parametrize("name", SERVICES)
    @pytest.mark.parametrize("value", ["users", "things", "secret", "mainflux", "changeme"])
    def test_a_secret_that_everybody_knows_is_for_development_only(self, name, value):
        secret = f"{PROGRAMS[name]}_SECRET"
        variables = {**NEEDED[name], secret: value}
        ended = run(name, "--check-config", **variables)
        assert refuses(ended, secret)
        assert f"'{value}'" not in ended.said
        assert run(name, "--check-config", MF_ENV="development", **variables).code == 0

    @pytest.mark.parametrize("name", PROGRAMS)
    def test_a_password_for_nats_without_a_user_ends_the_start(self, name):
        ended = start(name, MF_NATS_PASS="marked-password")
        assert refuses(ended, "MF_NATS_USER")
        assert "marked-password" not in ended.said

    @pytest.mark.parametrize("name", ["http-adapter"])
    @pytest.mark.parametrize("value", ["7", "700ms", "1m", "3600"])
    def test_a_timeout_may_be_a_number_of_seconds(self, name, value):
        assert check(name, MF_HTTP_ADAPTER_THINGS_TIMEOUT=value).values["MF_HTTP_ADAPTER_THINGS_TIMEOUT"] == value


class TestCommandLine:
    @pytest.mark.parametrize("name", ALL)
    def test_it_says_its_version(self, name):
        ended = run(name, "--version")
        assert (ended.code, ended.said) == (0, "")
        assert ended.printed.strip() == run("fluxgate", "--version").printed.strip() != ""

    @pytest.mark.parametrize("name", PROGRAMS)
    @pytest.mark.parametrize("option", ["--help", "-h"])
    def test_it_says_what_it_takes(self, name, option):
        ended = run(name, option)
        assert (ended.code, ended.said) == (0, "")
        assert all(each in ended.printed for each in ("--check-config", "--check-health", "--version", "MF_", "USAGE"))

    @pytest.mark.parametrize("name", PROGRAMS)
    @pytest.mark.parametrize("argument", ["--unknown", "-x", "serve", "--check-config=yes"])
    def test_it_refuses_what_it_does_not_know(self, name, argument):
        ended = run(name, argument, **NEEDED.get(name, {}))
        assert ended.code == 64  # EX_USAGE of sysexits.h
        assert argument.split("=")[0] in ended.said and "Usage:" in ended.said
        assert ended.printed == ""

    @pytest.mark.parametrize("name", PROGRAMS)
    def test_a_health_check_of_what_does_not_run_fails(self, name):
        ended = run(name, "--check-health", **NEEDED.get(name, {}), **{f"{PROGRAMS[name]}_OPS_PORT": "1"})
        assert ended.code == 1
        assert ended.seconds < 3 and ended.said != ""

    @pytest.mark.parametrize("name", PROGRAMS)
    def test_a_port_that_is_taken_is_named_and_ends_it_with_1(self, name, taken_port):
        ended = start(name, **{f"{PROGRAMS[name]}_OPS_HOST": "127.0.0.1", f"{PROGRAMS[name]}_OPS_PORT": taken_port})
        assert ended.code == 1, ended
        assert taken_port in ended.said
