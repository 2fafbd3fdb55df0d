"""Accounts: what a person does with one, from registration to removal."""

import statistics
import time

import requests

from support.api import PASSWORD, Account, new_email


def _log_in(server, email: str, password: str) -> requests.Response:
    return requests.post(server.url("users", "/tokens"), json={"email": email, "password": password}, timeout=10)


def _view(server, token: str) -> requests.Response:
    return requests.get(server.url("users", "/users"), headers={"Authorization": token}, timeout=10)


def test_registering_answers_nothing_but_the_status(server):
    body = {"email": new_email(), "password": PASSWORD}

    answer = requests.post(server.url("users", "/users"), json=body, timeout=10)

    assert (answer.status_code, answer.content) == (201, b"")


def test_metadata_is_kept_replaced_and_cleared(server):
    account = Account(server)
    first = {"colour": "réd\u2028", "deep": {"list": [1, 2.5, None, True]}}

    account.call("users", "PUT", "/users", json={"metadata": first}, expect=200)
    assert _view(server, account.token).json() == {"email": account.email, "metadata": first}
    account.call("users", "PUT", "/users", json={"metadata": {"b": 1}}, expect=200)
    assert _view(server, account.token).json()["metadata"] == {"b": 1}
    account.call("users", "PUT", "/users", json={}, expect=200)
    assert _view(server, account.token).json() == {"email": account.email}


def test_a_password_change_ends_older_tokens_and_the_old_password(server):
    account = Account(server)
    older = account.token
    body = {"password": "another horse", "old_password": PASSWORD}

    answer = account.call("users", "PATCH", "/password", json=body, expect=201)

    assert answer.json() == {"msg": ""}
    assert _view(server, older).status_code == 403
    assert (
        requests.get(server.url("things", "/things"), headers={"Authorization": older}, timeout=10).status_code == 403
    )
    assert _log_in(server, account.email, PASSWORD).status_code == 403
    assert _view(server, _log_in(server, account.email, "another horse").json()["token"]).status_code == 200


def test_removing_an_account_removes_all_it_owns(server):
    account = Account(server)
    channel, thing, _ = account.pair()
    account.remove()

    assert _view(server, account.token).status_code == 403
    assert _log_in(server, account.email, PASSWORD).status_code == 403
    identify = requests.post(server.url("auth", "/identify"), json={"token": thing.key}, timeout=10)
    assert identify.status_code == 403
    newcomer = Account(server, email=account.email)
    assert newcomer.call("things", "GET", "/things", expect=200).json()["total"] == 0
    assert newcomer.call("things", "GET", "/channels", expect=200).json()["total"] == 0
    newcomer.call("things", "GET", f"/channels/{channel}", expect=404)


def test_a_long_password_counts_to_its_last_byte(server):
    account = Account(server, password="x" * 80)

    assert _log_in(server, account.email, "x" * 72).status_code == 403
    assert _log_in(server, account.email, "x" * 79 + "y").status_code == 403
    assert _log_in(server, account.email, "x" * 80).status_code == 201


def test_an_unknown_account_takes_as_long_as_a_wrong_password(server):
    known, times = Account(server).email, {True: [], False: []}
    for _ in range(7):
        for exists in (True, False):
            started = time.monotonic()
            assert _log_in(server, known if exists else new_email(), "not the password").status_code == 403
            times[exists].append(time.monotonic() - started)

    ratio = statistics.median(times[True]) / statistics.median(times[False])
    assert 0.5 < ratio < 2, f"known accounts take {ratio:.2f} times as long"


def test_neither_password_nor_token_nor_key_is_in_the_log_or_in_clear_in_the_data(server):
    password, key = "a password to look for", "a-key-to-look-for"
    account = Account(server, password=password)
    thing = account.thing(key=key)
    assert account.call("things", "GET", f"/things/{thing.id}", expect=200).json()["key"] == key
    _log_in(server, account.email, password + "?")

    stored = b"".join(each.read_bytes() for each in server.data.rglob("*") if each.is_file())
    for secret in (password, key, account.token):
        assert secret not in server.log()
        assert secret.encode() not in stored
