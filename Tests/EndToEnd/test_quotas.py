"""An account may have so many things and channels, not one more, however many clients and programs are at it."""

import concurrent.futures
import itertools

import pytest
import requests

from support.api import Account
from support.programs import ONE_PROGRAM, SEPARATE_PROGRAMS, SeparateProgram, SeparatePrograms, View
from support.server import Server

LIMITS = {"things": 40, "channels": 25}
VARIABLES = {f"MF_LIMITS_TENANT_{kind.upper()}": str(limit) for kind, limit in LIMITS.items()}
CLIENTS = 16

pytestmark = pytest.mark.parametrize("kind", LIMITS)


@pytest.fixture(scope="module", params=[ONE_PROGRAM, SEPARATE_PROGRAMS])
def entrances(request, program, tmp_path_factory):
    """The platform by each of its things APIs."""
    directory = tmp_path_factory.mktemp("quotas")
    if request.param == ONE_PROGRAM:
        server = Server(directory, **VARIABLES).start()
        yield [server]
        server.check()
        assert server.stop() == 0
        return
    platform = SeparatePrograms(directory, copies=0, **VARIABLES)
    second = None
    try:
        platform.start()
        ports = {name for name in platform.things.variables if name.endswith("_PORT") and "_DB_" not in name}
        shared = {name: value for name, value in platform.things.variables.items() if name not in ports}
        second = SeparateProgram("things", directory, shared, "things-2").start()
        programs = [*platform.programs, second]
        yield [View([platform.users, each], programs) for each in (platform.things, second)]
        for each in programs:
            each.check()
        assert second.stop() == 0
        assert set(platform.stop().values()) == {0}
    finally:
        if second and second.process.poll() is None:
            second.kill()
        platform.end()


@pytest.fixture
def account(entrances) -> Account:
    return Account(entrances[0])


def _create(account: Account, entrance, kind: str, count: int) -> requests.Response:
    path, body = (f"/{kind}/bulk", [{}] * count) if count > 1 else (f"/{kind}", {})
    headers = {"Authorization": account.token}
    return requests.post(entrance.url("things", path), json=body, headers=headers, timeout=30)


def _total(account: Account, kind: str) -> int:
    return account.call("things", "GET", f"/{kind}", expect=200).json()["total"]


def _counted(entrances, kind: str) -> float:
    name = f'fluxgate_limited_total{{limit="tenant_{kind}"}}'
    return sum(entrance.metrics().get(name, 0) for entrance in entrances)


def test_creations_beyond_the_limit_are_forbidden_and_counted(entrances, account, kind):
    limit, counted = LIMITS[kind], _counted(entrances, kind)
    steps = [(limit - 1, 201), (2, 403), (1, 201), (1, 403), (500, 403)]

    answers = [_create(account, entrance, kind, count) for entrance, (count, _) in _by_turns(entrances, steps)]

    assert [answer.status_code for answer in answers] == [status for _, status in steps]
    for answer in answers:
        if answer.status_code == 403:
            said = answer.json()
            assert said["error"] == "limit reached" and said["status"] == 403
            assert said["detail"] == f"that would be more {kind} than an account may have: {limit}"
    assert _total(account, kind) == limit
    assert _counted(entrances, kind) - counted == 3


def test_another_account_has_its_own_limit_and_what_is_removed_makes_room(entrances, account, kind):
    created = _create(account, entrances[0], kind, LIMITS[kind])
    assert created.status_code == 201
    assert _create(Account(entrances[-1]), entrances[0], kind, LIMITS[kind]).status_code == 201

    account.call("things", "DELETE", f"/{kind}/{created.json()[kind][0]['id']}", expect=204)

    assert [_create(account, entrances[-1], kind, 1).status_code for _ in range(2)] == [201, 403]


def test_those_who_create_at_once_get_each_place_once(entrances, account, kind):
    limit = LIMITS[kind]

    def fill(entrance) -> int:
        """Creates some, then single ones, until no more are taken; says how many that were."""
        created = 0
        for count in (3, 1):
            while (status := _create(account, entrance, kind, count).status_code) == 201:
                created += count
            assert status == 403
        return created

    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        created = list(pool.map(fill, itertools.islice(itertools.cycle(entrances), CLIENTS)))

    assert sum(created) == _total(account, kind) == limit


def _by_turns(entrances, steps):
    return zip(itertools.cycle(entrances), steps)
