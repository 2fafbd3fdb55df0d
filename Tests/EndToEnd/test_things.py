"""Things and channels: what is stored is what is shown, and what fails changes nothing."""

import re
import uuid

import pytest
import requests
from support.programs import ONE_PROGRAM, SEPARATE_PROGRAMS

PLATFORMS = [ONE_PROGRAM, SEPARATE_PROGRAMS]

METADATA = {"big": 2**53 - 1, "text": '漢 \U0001f600 \u2028 "', "deep": {"list": [1, -2.5, 1e300, None, True, {}]}}
UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def test_a_thing_is_shown_as_it_was_given(alice):
    location = alice.call("things", "POST", "/things", json={"name": "é", "metadata": METADATA}, expect=201).headers[
        "Location"
    ]

    shown = alice.call("things", "GET", location, expect=200).json()

    assert UUID4.fullmatch(shown["id"]) and UUID4.fullmatch(shown["key"]) and location == f"/things/{shown['id']}"
    assert (shown["name"], shown["metadata"]) == ("é", METADATA)


def test_what_is_empty_is_left_out(alice):
    thing, channel = alice.thing(), alice.channel(metadata={})

    assert set(alice.call("things", "GET", f"/things/{thing.id}", expect=200).json()) == {"id", "key"}
    assert set(alice.call("things", "GET", f"/channels/{channel}", expect=200).json()) == {"id"}


def test_bulk_creation_keeps_order_keys_and_metadata(alice):
    items = [{"name": f"n{number}", "key": uuid.uuid4().hex, "metadata": {"number": number}} for number in range(50)]

    answered = alice.call("things", "POST", "/things/bulk", json=items, expect=201).json()["things"]

    assert [(each["name"], each["key"]) for each in answered] == [(each["name"], each["key"]) for each in items]
    shown = alice.call("things", "GET", f"/things/{answered[7]['id']}", expect=200).json()
    assert shown["metadata"] == {"number": 7}


def test_one_bad_item_in_bulk_creates_none(alice):
    before = alice.call("things", "GET", "/things", expect=200).json()["total"]
    key = uuid.uuid4().hex

    alice.call("things", "POST", "/things/bulk", json=[{}, {"key": key}, {"key": key}], expect=422)

    assert alice.call("things", "GET", "/things", expect=200).json()["total"] == before


def test_replacing_clears_what_is_left_out_and_keeps_the_key(alice):
    thing = alice.thing(name="lamp", metadata={"a": 1})

    alice.call("things", "PUT", f"/things/{thing.id}", json={"name": "other", "key": "ignored-key"}, expect=200)

    shown = alice.call("things", "GET", f"/things/{thing.id}", expect=200).json()
    assert shown == {"id": thing.id, "name": "other", "key": thing.key}


def test_an_etag_changes_with_the_thing_and_guards_it(alice):
    thing = alice.thing(name="lamp")
    path = f"/things/{thing.id}"
    first = alice.call("things", "GET", path, expect=200).headers["ETag"]

    alice.call("things", "PUT", path, json={"name": "mine"}, headers={"If-Match": first}, expect=200)
    alice.call("things", "PUT", path, json={"name": "late"}, headers={"If-Match": first}, expect=412)

    shown = alice.call("things", "GET", path, expect=200)
    assert shown.json()["name"] == "mine" and shown.headers["ETag"] != first


def test_connecting_many_is_all_or_nothing(alice, mallory):
    channel, things = alice.channel(), alice.things(2)
    ids = [each.id for each in things]

    alice.call(
        "things",
        "POST",
        "/connect",
        expect=404,
        json={"channel_ids": [channel], "thing_ids": [*ids, mallory.thing().id]},
    )
    assert alice.call("things", "GET", f"/channels/{channel}/things", expect=200).json()["total"] == 0
    alice.call("things", "POST", "/connect", json={"channel_ids": [channel], "thing_ids": ids}, expect=200)
    assert alice.call("things", "GET", f"/channels/{channel}/things", expect=200).json()["total"] == 2
    alice.call(
        "things",
        "PUT",
        "/disconnect",
        expect=404,
        json={"channel_ids": [channel], "thing_ids": [ids[0], str(uuid.uuid4())]},
    )
    assert alice.call("things", "GET", f"/channels/{channel}/things", expect=200).json()["total"] == 2
    alice.call("things", "PUT", "/disconnect", json={"channel_ids": [channel], "thing_ids": ids}, expect=200)
    assert alice.call("things", "GET", f"/channels/{channel}/things", expect=200).json()["total"] == 0


@pytest.mark.parametrize("kind", ["things", "channels"])
def test_another_tenants_delete_removes_nothing(alice, mallory, kind):
    path = f"/{kind}/{alice.thing().id if kind == 'things' else alice.channel()}"

    mallory.call("things", "DELETE", path, expect=204)

    alice.call("things", "GET", path, expect=200)
    alice.call("things", "DELETE", path, expect=204)
    alice.call("things", "GET", path, expect=404)
    alice.call("things", "DELETE", path, expect=204)


def test_a_changed_key_takes_the_place_of_the_old_one(server, alice):
    thing = alice.thing()
    changed = alice.change_key(thing, uuid.uuid4().hex)

    def identify(key: str) -> requests.Response:
        return requests.post(server.url("auth", "/identify"), json={"token": key}, timeout=10)

    assert identify(thing.key).status_code == 403
    assert identify(changed.key).json() == {"id": thing.id}
    assert alice.call("things", "GET", f"/things/{thing.id}", expect=200).json()["key"] == changed.key
    alice.call("things", "POST", "/things", json={"key": thing.key}, expect=201)
