"""docs/mqtt-conformance.md names every statement of the standards, and the tests that show it: no more, no fewer."""

import collections
import importlib
import itertools
import pathlib
import re

import pytest

from support.server import REPOSITORY
from support.statements import VERSIONS

DOCUMENT = REPOSITORY / "docs/mqtt-conformance.md"
ROW = re.compile(r"\| (\d+\.\d+\.\d+-\d+) \| (.+?) \| (server|client|both) \| (.*?) \| (.+?) \|")
DUTY = "the client's duty"
# How many numbered statements each section has; some begin later than with 1.
SECTIONS = {
    "3.1.1": (
        "1.5.3:3 2.2.2:2 2.3.1:7 3.1.0:2 3.1.2:24 3.1.3:11 3.1.4:5 3.2.0:1 3.2.2:6 3.3.1:12 3.3.2:3 3.3.4:1 3.3.5:2 "
        "3.6.1:1 3.8.1:1 3.8.3:4 3.8.4:6 3.9.3:2 3.10.1:1 3.10.3:2 3.10.4:6 3.12.4:1 3.14.1:1 3.14.4:3 4.1.0:2 "
        "4.3.1:1 4.3.2:2 4.3.3:2 4.4.0:1 4.5.0:2 4.6.0:6 4.7.1:3 4.7.2:1 4.7.3:4 4.8.0:2 6.0.0:4 7.0.0:2 7.1.1:1 "
        "7.1.2:1"
    ),
    "5": (
        "1.5.4:3 1.5.5:1 1.5.7:1 2.1.3:1 2.2.1:2-6 2.2.2:1 3.1.0:2 3.1.2:30 3.1.3:12 3.1.4:6 3.2.0:2 3.2.2:22 "
        "3.3.1:13 3.3.2:20 3.3.4:10 3.4.2:3 3.5.2:3 3.6.1:1 3.6.2:3 3.7.2:3 3.8.1:1 3.8.3:5 3.8.4:8 3.9.2:2 3.9.3:2 "
        "3.10.1:1 3.10.3:2 3.10.4:6 3.11.2:2 3.11.3:2 3.12.4:1 3.14.0:1 3.14.1:1 3.14.2:4 3.14.4:3 3.15.1:1 3.15.2:3 "
        "4.1.0:2 4.2.0:1 4.3.1:1 4.3.2:5 4.3.3:13 4.4.0:2 4.5.0:2 4.6.0:6 4.7.0:1 4.7.1:2 4.7.2:1 4.7.3:4 4.8.2:6 "
        "4.9.0:3 4.12.0:7 4.12.1:2 4.13.1:1 4.13.2:1 6.0.0:4"
    ),
}


def numbers(version):
    for section in SECTIONS[version].split():
        name, _, count = section.partition(":")
        first, last = count.split("-") if "-" in count else (1, count)
        yield from (f"{name}-{number}" for number in range(int(first), int(last) + 1))


def rows(version):
    text = DOCUMENT.read_text()
    section = re.search(rf"^## MQTT {re.escape(version)}$(.*?)(?=^## |\Z)", text, re.M | re.S)[1]
    lines = [line for line in section.splitlines() if re.match(r"\| \d", line)]
    found = [ROW.fullmatch(line) for line in lines]
    assert all(found), [line for line, match in zip(lines, found) if not match]
    return [match.groups() for match in found]


def marked_tests():
    """Every test that names statements, by its name."""
    found = {}
    for path in sorted(pathlib.Path(__file__).parent.glob("test_mqtt_statements_*.py")):
        for name, test in vars(importlib.import_module(path.stem)).items():
            if name.startswith("test_"):
                assert name not in found, f"there are two tests of the name {name}"
                found[name] = test
    return found


@pytest.mark.parametrize("version", VERSIONS)
def test_every_statement_has_its_row(version):
    assert [row[0] for row in rows(version)] == list(numbers(version))


@pytest.mark.parametrize("version", VERSIONS)
def test_the_rows_name_the_tests_that_name_the_statements(version):
    by_statement = collections.defaultdict(list)
    for name, test in marked_tests().items():
        for statement in test.statements:
            by_statement[statement].append(f"`{name}`")
    listed = {f"{version} {number}": sorted(tests.split(", ")) for number, _, _, tests, _ in rows(version) if tests}
    assert listed == {each: sorted(names) for each, names in by_statement.items() if each.startswith(f"{version} ")}


@pytest.mark.parametrize("version", VERSIONS)
def test_a_result_says_no_more_than_the_tests_do(version):
    tests = marked_tests()
    for number, _, whom, names, result in rows(version):
        shown = [tests[name.strip("`")] for name in names.split(", ") if name]
        is_missing = any(test.wrong for test in shown)
        assert result.startswith("not yet") == is_missing, number
        assert shown or not result.startswith("holds"), number
        assert whom == "client" or not result.startswith(DUTY), number


def test_a_test_names_a_statement_once_and_each_statement_is_one():
    known = {f"{version} {number}" for version in VERSIONS for number in numbers(version)}
    named = list(itertools.chain.from_iterable(test.statements for test in marked_tests().values()))
    assert set(named) <= known, set(named) - known
    for name, test in marked_tests().items():
        assert len(test.statements) == len(set(test.statements)), name
