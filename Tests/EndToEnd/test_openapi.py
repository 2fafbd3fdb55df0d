"""The OpenAPI files and the status tables say the same, in both directions."""

import re

import pytest
import yaml

from support.server import REPOSITORY
from tables.auth_api import AUTH
from tables.case import statuses
from tables.connections import CONNECTIONS
from tables.outages import THINGS_OUTAGE, USERS_OUTAGE
from tables.things import THINGS
from tables.users import LIMITED, USERS

DOCUMENTED = {"users.yaml": [USERS, LIMITED, USERS_OUTAGE], "things.yaml": [THINGS, CONNECTIONS, AUTH, THINGS_OUTAGE]}
METHODS = {"get", "put", "post", "patch", "delete", "head", "options", "trace"}
# Common to all listeners and no operation of the service (tables/routing.py).
COMMON = {"GET /version"}


def _load(name: str) -> dict:
    return yaml.safe_load((REPOSITORY / "docs/openapi" / name).read_text())


def _nameless(operation: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", operation)


def _documented(name: str) -> dict[str, set[int]]:
    return {
        _nameless(f"{method.upper()} {path}"): {int(status) for status in operation["responses"] if status != "default"}
        for path, item in _load(name)["paths"].items()
        for method, operation in item.items()
        if method in METHODS and f"{method.upper()} {path}" not in COMMON
    }


def _exercised(name: str) -> dict[str, set[int]]:
    found: dict[str, set[int]] = {}
    for operation, codes in statuses(*DOCUMENTED[name]).items():
        found.setdefault(_nameless(operation), set()).update(codes)
    return found


@pytest.mark.parametrize("name", DOCUMENTED)
def test_the_file_is_of_openapi_3_1(name):
    assert _load(name)["openapi"].startswith("3.1.")


@pytest.mark.parametrize("name", DOCUMENTED)
def test_every_documented_operation_is_exercised_and_the_other_way_round(name):
    documented, exercised = _documented(name), _exercised(name)

    assert documented.keys() - exercised.keys() == set(), "documented, but in no status table"
    assert exercised.keys() - documented.keys() == set(), "in a status table, but not documented"


@pytest.mark.parametrize("name, operation", [(name, each) for name in DOCUMENTED for each in _exercised(name)])
def test_the_documented_statuses_are_those_that_the_tables_exercise(name, operation):
    documented, exercised = _documented(name).get(operation, set()), _exercised(name)[operation]

    assert documented - exercised == set(), f"{name} documents these for {operation}, and no row exercises them"
    assert exercised - documented == set(), f"rows exercise these for {operation}, and {name} does not list them"
