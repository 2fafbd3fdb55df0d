"""The shell blocks of the README work when pasted, in their order, in one shell."""

import os

from support.documents import BLOCK, DEFAULT_PORTS, blocks, paste, with_ports
from support.server import BINARY, PORT_VARIABLES, REPOSITORY


def test_the_marker_excludes_a_block_and_only_the_one_behind_it():
    text = "<!-- not run: takes an hour -->\n```sh\na\n```\n\n```sh\nb\n```\n"
    assert [(match["script"], match["reason"]) for match in BLOCK.finditer(text)] == [
        ("a\n", "takes an hour"),
        ("b\n", None),
    ]


def test_the_default_ports_are_those_that_the_tests_replace():
    assert DEFAULT_PORTS.keys() == PORT_VARIABLES.keys()


def test_the_blocks_work_when_pasted(server, tmp_path):
    script = "\n".join(blocks(REPOSITORY / "README.md"))
    assert script, "the README has no shell blocks"
    script = with_ports(script, server.ports)
    environment = {**os.environ, "PATH": f"{BINARY.parent}:{os.environ['PATH']}", "HOME": str(tmp_path)}

    paste(script, REPOSITORY, environment)
