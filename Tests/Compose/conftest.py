"""One composition at a time, brought up once for all the tests of its mode."""

import subprocess

import pytest

from composition import MODES, Composition
from support.server import BINARY

RUNNING: dict[str, Composition] = {}


@pytest.fixture(scope="session", autouse=True)
def engine():
    missing = [name for name in ("fluxgate", "users", "mqtt-adapter") if not (BINARY.parent / name).exists()]
    assert not missing, f"{missing} are missing in {BINARY.parent}: `make programs`"
    ended = subprocess.run(["docker", "info"], capture_output=True, text=True, timeout=30)
    assert ended.returncode == 0, f"there is no Docker engine: `make test-compose` starts one\n{ended.stderr}"


@pytest.fixture(scope="session")
def composition(request, engine, tmp_path_factory):
    made = Composition(tmp_path_factory.mktemp(request.param), request.param)
    RUNNING[request.param] = made
    try:
        try:
            made.start()
        except AssertionError as error:
            pytest.fail(f"AUTH={request.param} did not start: {error}\n{_logs(made)}", pytrace=False)
        yield made
    finally:
        del RUNNING[request.param]
        made.end()


def pytest_generate_tests(metafunc):
    """Both modes, unless a test says `@pytest.mark.mode(…)`."""
    if "composition" in metafunc.fixturenames:
        marker = metafunc.definition.get_closest_marker("mode")
        modes = marker.args if marker else MODES
        metafunc.parametrize("composition", modes, indirect=True, scope="session")


def pytest_configure(config):
    config.addinivalue_line("markers", "mode(name): the test is for AUTH=<name> alone")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed:
        for mode, running in RUNNING.items():
            report.sections.append((f"containers of AUTH={mode}", _logs(running)))
    return report


def _logs(running: Composition) -> str:
    """How the containers are, and the end of what they have said."""
    try:
        return running.compose("ps", "--all") + "\n".join(running.logs().splitlines()[-300:])
    except (AssertionError, subprocess.TimeoutExpired) as error:
        return str(error)
