"""What the one program is made of."""

import re
import subprocess
import sys

import pytest

from support.server import BINARY

#: The C library and what belongs to it, the C++ runtime of TLS, zlib of the HTTP client, and the database.
ALLOWED = {"libc", "libm", "libgcc_s", "libstdc++", "libz", "libsqlite3", "ld-linux-x86-64", "ld-linux-aarch64", "linux-vdso"}


@pytest.mark.skipif(sys.platform != "linux", reason="other systems list libraries otherwise")
def test_nothing_is_linked_that_an_embedded_platform_does_not_use():
    listing = subprocess.run(["ldd", BINARY], check=True, capture_output=True, text=True).stdout
    libraries = set(re.findall(r"^\s*(?:/\S*/)?([\w+-]+)\.so", listing, re.MULTILINE))
    assert "libsqlite3" in libraries
    assert libraries <= ALLOWED


def test_no_code_of_the_separate_services_is_inside():
    names = subprocess.run(["nm", "--demangle=none", BINARY], check=True, capture_output=True, text=True).stdout
    assert "FluxgateServer" in names
    for module in ("GRPCCore", "NIOTestUtils", "TestSupport", "HummingbirdTesting"):
        assert f"{len(module)}{module}" not in names
