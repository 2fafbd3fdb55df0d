"""What is answered while the database can't be used: 503 with Retry-After, never 403 (DESIGN.md section 10)."""

import dataclasses

from tables.auth_api import AUTH
from tables.case import Case
from tables.connections import CONNECTIONS
from tables.things import THINGS
from tables.users import USERS


def _outage(tabled: list[Case]) -> list[Case]:
    """For each operation its first row, which is the one that succeeds."""
    first: dict[str, Case] = {}
    for case in tabled:
        first.setdefault(case.operation, case)
    return [
        dataclasses.replace(
            case, name="database out of reach", status=503, shows=None, answers={"Retry-After": "[0-9]+"}
        )
        for case in first.values()
    ]


USERS_OUTAGE, THINGS_OUTAGE = _outage(USERS), _outage([*THINGS, *CONNECTIONS, *AUTH])
