"""What nginx does with a request on its way: routes, paths, limits, refusals, headers, logs."""

import json
import uuid

import pytest
import requests

from support import raw_mqtt as mqtt
from support.api import Account
from support.listeners import topic
from support.mqtt_over_ws import FramedSocket
from support.raw_http import RawHTTP, request
from support.raw_mqtt import RawMQTT
from support.raw_ws import RawWS
from support.tls import context, secured

LIMIT = 262144  # MF_MAX_MESSAGE_BYTES in docker/.env


class World:
    """A thing with a channel, and how it shows itself in this mode."""

    def __init__(self, composition):
        self.account = Account(composition)
        self.channel, self.thing, self.other = self.account.pair()
        x509 = composition.mode == "x509"
        self.pair = composition.pki.thing(self.thing.key) if x509 else None
        self.client = context(composition.pki.ca, self.pair)
        self.certificate = (str(self.pair.certificate), str(self.pair.key)) if x509 else None
        self.path = f"/channels/{self.channel}/messages"
        self.composition = composition

    def publish(self, body=b"x", path: str = "", **options) -> requests.Response:
        headers = {"Authorization": self.thing.key, **options.pop("headers", {})}
        url = self.composition.url("http", path or self.path)
        trust = {"cert": self.certificate, "verify": self.composition.verify}
        return requests.post(url, data=body, headers=headers, timeout=30, **trust, **options)

    def raw(self, target: str, *headers: str):
        """One request, sent as it is written."""
        key = f"Authorization: {self.thing.key}"
        with RawHTTP(secured(self.composition, "edge", self.client)) as http:
            return http.send(request("POST", target, key, *headers, body=b"x")).answer()

    def over_ws(self, listener: str, target: str, *headers: str) -> RawWS:
        connection = secured(self.composition, listener, self.client)
        return RawWS(connection, f"{self.composition.prefix(listener)}{target}", *headers)


@pytest.fixture(scope="module")
def world(composition) -> World:
    return World(composition)


def _judge_problem(answer, status: int) -> None:
    body = answer.json()
    assert answer.headers["content-type"] == "application/json"
    assert body["status"] == status and body["error"] and body["type"] == "about:blank" and body["title"]


# --- routes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "method, path, status",
    [
        ("GET", "/version", 200),
        ("GET", "/users", 403),
        ("POST", "/tokens", 415),
        ("PATCH", "/password", 415),
        ("GET", "/things", 403),
        ("GET", "/channels", 403),
        ("POST", "/connect", 415),
        ("PUT", "/disconnect", 415),
    ],
)
def test_people_reach_the_services_without_a_certificate(composition, method, path, status):
    answer = requests.request(method, composition.url("users", path), verify=composition.verify, timeout=10)

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize("path", ["/", "/nothing", "/http", "/ws", "/mqtt/mqtt", "/usersx", "/identify", "/metrics"])
def test_any_other_path_is_404(composition, path):
    answer = requests.get(composition.url("edge", path), verify=composition.verify, timeout=10, allow_redirects=False)

    assert answer.status_code == 404
    _judge_problem(answer, 404)


@pytest.mark.parametrize("target", ["/mqtt", "/mqtt/", "/mqtt?a=b"])
def test_mqtt_over_websocket_works_with_and_without_a_slash(composition, world, target):
    framed = FramedSocket(secured(composition, "edge", world.client), target=target)
    with RawMQTT(framed, 5) as raw:
        raw.connect(uuid.uuid4().hex[:20], world.thing.id, world.thing.key)
        assert raw.send(mqtt.publish(topic(world.channel), b"x", 1, version=5)).packet().kind == mqtt.PUBACK


@pytest.mark.parametrize(
    "subtopic, levels",
    [
        ("a%2Fb", ["a", "b"]),
        ("a%252Fb", ["a%2Fb"]),
        ("a//b/", ["a", "b"]),
        ("%C3%A9t%c3%a9", ["été"]),
        ("x?a=b", ["x"]),
        ("+", None),
        ("a%20b", None),
    ],
)
def test_the_path_behind_the_prefix_arrives_as_it_was_sent(composition, world, subtopic, levels):
    listener = RawMQTT(secured(composition, "mqtts", world.client)).connect(
        uuid.uuid4().hex[:20], world.thing.id, world.thing.key
    )
    with listener:
        assert listener.subscribe(topic(world.channel, "#")) == [0]
        answer = world.raw(f"/http{world.path}/{subtopic}")
        assert answer.status == (400 if levels is None else 202)
        if levels:
            assert listener.message()[0] == topic(world.channel, *levels)


@pytest.mark.parametrize("target", ["/%68ttp", "/x/../http", "//http"])
def test_a_prefix_in_disguise_leads_nowhere(world, target):
    assert world.raw(f"{target}{world.path}").status == 404


# --- what a client says of itself ------------------------------------------------------------------------------------


FORGED = ("X-Client-Cert: forged", "Client-Cert: :Zm9yZ2Vk:", "Client-Cert-Chain: :Zm9yZ2Vk:")


@pytest.mark.mode("key")
@pytest.mark.parametrize("header", FORGED)
def test_where_keys_count_a_forged_certificate_does_not(world, header):
    assert world.raw(f"/http{world.path}", header).status == 202


@pytest.mark.mode("key")
@pytest.mark.parametrize("header", FORGED[:2])
def test_an_adapter_refuses_a_certificate_from_whoever_is_no_proxy(composition, world, header):
    key = f"Authorization: {world.thing.key}"
    with RawHTTP(composition.inside("http-adapter", 8185)) as http:
        assert http.send(request("POST", world.path, key, header, body=b"x")).answer().status == 400
    with RawHTTP(composition.inside("http-adapter", 8185)) as http:
        assert http.send(request("POST", world.path, key, body=b"x")).answer().status == 202


# --- limits ----------------------------------------------------------------------------------------------------------


def test_a_message_of_the_largest_size_goes_through_and_one_byte_more_is_413(world):
    assert world.publish(bytes(LIMIT)).status_code == 202
    answer = world.publish(bytes(LIMIT + 1))
    assert answer.status_code == 413
    _judge_problem(answer, 413)


def test_a_body_of_unknown_length_is_limited_all_the_same(world):
    answer = world.publish(iter([bytes(65536)] * 8))

    assert answer.status_code == 413
    _judge_problem(answer, 413)


def test_bulk_requests_may_be_larger_than_messages(world):
    things = [{"name": "n" * 1000, "metadata": {"note": "m" * 2000}} for _ in range(100)]
    assert len(json.dumps(things)) > LIMIT
    assert len(world.account.call("things", "POST", "/things/bulk", json=things, expect=201).json()["things"]) == 100


@pytest.mark.parametrize(
    "sent, status",
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"x" * 9000 + b"\r\n\r\n", 400),
        (b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 414),
    ],
    ids=["no request line", "no host", "a header too long", "a URI too long"],
)
def test_what_nginx_can_not_read_it_refuses_like_the_services(composition, world, sent, status):
    with RawHTTP(secured(composition, "edge", world.client)) as http:
        answer = http.send(sent).answer()
    assert answer.status == status
    _judge_problem(answer, status)


def test_plain_http_on_443_is_refused(composition):
    with RawHTTP(composition.connect("edge")) as http:
        answer = http.send(request("GET", "/version")).answer()
    assert answer.status == 400
    _judge_problem(answer, 400)


# --- headers and logs ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/version", "/nothing", "/users"])
def test_every_answer_has_the_headers_that_browsers_go_by_once(composition, path):
    answer = requests.get(composition.url("edge", path), verify=composition.verify, timeout=10)

    assert answer.headers["Server"] == "nginx", "without its version"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=")
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]


def test_no_log_holds_a_key_a_token_a_password_or_a_query(composition, world):
    canary = f"canary{uuid.uuid4().hex}"
    key, token = world.thing.key, world.account.token
    query = f"?authorization={key}&canary={canary}"
    world.publish(path=f"{world.path}{query}")
    world.publish(headers={"Authorization": canary})
    world.over_ws("ws", f"{world.path}{query}").socket.close()
    world.over_ws("ws", f"{world.path}?authorization={canary}").socket.close()
    world.over_ws("edge", f"/mqtt{query}", "Sec-WebSocket-Protocol: mqtt").socket.close()
    world.account.call("things", "GET", f"/things?name={canary}", expect=200)
    with RawHTTP(secured(composition, "edge", world.client)) as http:  # What nginx can't pass on, it would log whole.
        http.send(request("GET", f"/nothing{query}")).answer()
        http.send(b"GET /" + query.encode() + b"x" * 9000 + b" HTTP/1.1\r\n\r\n").answer()

    log = composition.logs()

    assert world.path in composition.logs("nginx"), "nginx logs the path"
    bus = composition.configuration(tested=True)["services"]["nats"]["environment"]["MF_NATS_TOKEN"]
    for secret in (canary, key, token, bus, world.account.password, "authorization="):
        assert secret not in log


def test_development_secrets_are_told_of_loudly(composition):
    for service in ("users", "things"):
        lines = [line for line in composition.logs(service).splitlines() if "development" in line.lower()]
        assert lines and any("warn" in line.lower() for line in lines), composition.logs(service)


@pytest.mark.mode("key")
@pytest.mark.parametrize("service, secret", [("users", "MF_USERS_SECRET"), ("things", "MF_THINGS_SECRET")])
def test_development_secrets_are_refused_in_production(composition, service, secret):
    ended = composition.run_in(service, f"MF_ENV=production {service} --check-config")

    assert ended.returncode == 2
    assert secret in ended.stdout + ended.stderr
