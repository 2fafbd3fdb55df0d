"""What the composition says before anything runs: which ports, which rights, which secrets."""

import pathlib

import pytest
import yaml

from composition import PROGRAMS, SERVICES
from support.server import REPOSITORY

SYNC = "/etc/fluxgate/sync.conf"
PUBLISHED = {"key": {443, 1883, 8883}, "x509": {443, 8883}}


def test_what_is_tested_differs_from_what_is_deployed_in_images_and_in_when_nats_syncs_alone(composition):
    deployed, tested = composition.configuration(tested=False), composition.configuration(tested=True)

    files = []
    for configuration in (deployed, tested):
        for service in configuration["services"].values():
            assert service.pop("image")
            service.pop("build", None)
        (sync,) = (each for each in configuration["services"]["nats"]["volumes"] if each["target"] == SYNC)
        files.append(pathlib.Path(sync.pop("source")))
    assert tested == deployed
    # What Debian's version doesn't know, and nothing but that.
    assert [_settings(file) for file in files] == [["sync_interval: always"], []]


def _settings(file: pathlib.Path) -> list[str]:
    return [line for line in file.read_text().splitlines() if not line.startswith("#")]


def test_images_of_others_are_pinned_to_a_version(composition):
    services = composition.configuration(tested=False)["services"]

    for name in set(SERVICES) - set(PROGRAMS):
        _, _, tag = services[name]["image"].partition(":")
        assert tag.split("-")[0].count(".") >= 1 and tag[0].isdigit(), services[name]["image"]


def test_only_what_is_meant_for_the_public_is_published(composition):
    services = composition.configuration(tested=False)["services"]
    published = {port["target"] for service in services.values() for port in service.get("ports", ())}

    assert published == PUBLISHED[composition.mode]


def test_what_is_published_is_what_the_engine_opened(composition):
    opened = {
        port["HostPort"]: container["Config"]["Labels"]["com.docker.compose.service"]
        for service in SERVICES
        for container in composition.containers(service)
        for ports in container["NetworkSettings"]["Ports"].values()
        for port in ports or ()
    }

    names = {"edge": "nginx", "mqtts": "mqtt-adapter", "mqtt": "mqtt-adapter"}
    wanted = {str(composition.ports[name]): service for name, service in names.items()}
    if composition.mode == "x509":
        del wanted[str(composition.ports["mqtt"])]
    assert opened == wanted


@pytest.mark.parametrize("service", SERVICES)
def test_nothing_runs_as_root_or_with_a_privilege_or_can_write_to_its_image(composition, service):
    for container in composition.containers(service):
        host = container["HostConfig"]
        assert container["Config"]["User"].split(":")[0] not in ("", "0", "root")
        assert host["ReadonlyRootfs"] and not host["Privileged"]
        assert host["CapDrop"] == ["ALL"] and not host["CapAdd"]
        assert "no-new-privileges:true" in host["SecurityOpt"]
        assert host["Memory"] > 0 and host["PidsLimit"] > 0
        assert host["RestartPolicy"]["Name"] == "unless-stopped"
        assert container["State"]["Health"]["Status"] == "healthy"
        assert container["RestartCount"] == 0


def test_only_the_public_network_leads_out(composition):
    configuration = composition.configuration(tested=False)
    leading_out = {name for name, network in configuration["networks"].items() if not network.get("internal")}
    members = {name for name, each in configuration["services"].items() if leading_out & set(each.get("networks", ()))}

    assert leading_out == {"public"}
    assert members == {"nginx", "mqtt-adapter"}


def test_a_program_is_given_no_secret_of_another(composition):
    secrets = {
        "MF_USERS_SECRET": {"users"},
        "MF_THINGS_SECRET": {"things"},
        "MF_USERS_DB_PASS": {"users"},
        "MF_THINGS_DB_PASS": {"things"},
        "MF_NATS_TOKEN": {*PROGRAMS, "nats"},
    }
    services = composition.configuration(tested=False)["services"]

    for secret, owners in secrets.items():
        assert {name for name, each in services.items() if secret in each.get("environment", ())} == owners


@pytest.mark.parametrize("service", PROGRAMS)
def test_a_program_reads_its_own_keys_and_nobody_elses(composition, service):
    listed = composition.run_in(service, "cat /keys/*/*.key | grep -c BEGIN; ls -d /keys/*/*.key")

    assert listed.stdout.split() == ["1", *(f"/keys/{service}/{name}.key" for name in _pairs(service))]


def _pairs(service: str) -> tuple[str, ...]:
    return ("mainflux-server",) if service == "mqtt-adapter" else ("services",)


def test_settings_are_in_one_file_and_the_example_for_production_names_every_secret():
    settings = _variables(REPOSITORY / "docker/.env")
    production = _variables(REPOSITORY / "docker/production.env.example")

    assert {name for name in settings if name.endswith(("_SECRET", "_PASS", "_TOKEN"))} <= production.keys()
    assert settings["MF_ENV"] == "development" and production["MF_ENV"] == "production"
    assert production.keys() <= settings.keys() | {"MF_USERS_PASS_MIN_LENGTH"}
    assert not [name for name in production if name.endswith(("_SECRET", "_PASS", "_TOKEN")) and production[name]]
    used = (REPOSITORY / "docker/services.yml").read_text() + (REPOSITORY / "docker/auth-key.yml").read_text()
    assert [name for name in settings if name != "AUTH" and f"${{{name}}}" not in used] == []


def _variables(path) -> dict[str, str]:
    lines = (line for line in path.read_text().splitlines() if line and not line.startswith("#"))
    return dict(line.split("=", 1) for line in lines)


def test_every_service_has_a_check_of_its_health():
    services = yaml.safe_load((REPOSITORY / "docker/services.yml").read_text())["services"]

    assert {name for name, each in services.items() if "healthcheck" not in each} == {"keys"}
