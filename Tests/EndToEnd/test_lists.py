"""Contract 2.4: pages and filters, in an account of the test's own."""

import json

import pytest

from support.api import Account
from support.programs import ONE_PROGRAM, SEPARATE_PROGRAMS

PLATFORMS = [ONE_PROGRAM, SEPARATE_PROGRAMS]

NAMES = ["Lamp", "lamp two", "50% off", "a_b", "axb", "a,b", "back\\slash", "ÉCLAIR", "quote'\"", "", "*", "[a-z]"]


@pytest.fixture(scope="module")
def owner(server) -> Account:
    account = Account(server)
    for kind in ("things", "channels"):
        items = [{"name": name, "metadata": {"number": number}} for number, name in enumerate(NAMES)]
        items.append({"metadata": {"a": {"b": [1, {"c": "x"}], "d": None}, "e": 2}})
        account.call("things", "POST", f"/{kind}/bulk", json=items, expect=201)
    return account


def _page(account: Account, kind: str, **query) -> dict:
    return account.call("things", "GET", f"/{kind}", params=query, expect=200).json()


@pytest.mark.parametrize("kind", ["things", "channels"])
class TestEitherList:
    def test_pages_come_in_order_of_id_and_hold_every_item_once(self, owner, kind):
        pages = [_page(owner, kind, offset=offset, limit=5) for offset in (0, 5, 10, 15)]
        ids = [each["id"] for page in pages for each in page[kind]]

        assert ids == sorted(ids) and len(set(ids)) == len(NAMES) + 1
        assert [len(page[kind]) for page in pages] == [5, 5, 3, 0]
        assert {page["total"] for page in pages} == {len(NAMES) + 1}

    @pytest.mark.parametrize(
        "name, expected",
        [
            ("lamp", {"Lamp", "lamp two"}),
            ("LAMP", {"Lamp", "lamp two"}),
            ("%", {"50% off"}),
            ("_", {"a_b"}),
            ("a_b", {"a_b"}),
            (",", {"a,b"}),
            ("a,b", {"a,b"}),
            ("\\", {"back\\slash"}),
            ("éclair", {"ÉCLAIR"}),
            ("'", {"quote'\""}),
            ("*", {"*"}),
            ("[a-z]", {"[a-z]"}),
            ("' OR 1=1 --", set()),
            ("p t", {"lamp two"}),
        ],
    )
    def test_a_name_filter_means_its_characters(self, owner, kind, name, expected):
        page = _page(owner, kind, name=name)

        assert {each["name"] for each in page[kind]} == expected
        assert page["total"] == len(expected)

    @pytest.mark.parametrize(
        "metadata, count",
        [
            ({"number": 3}, 1),
            ({"number": 3.0}, 1),
            ({"number": "3"}, 0),
            ({}, len(NAMES) + 1),
            (None, len(NAMES) + 1),
            ({"a": {}}, 1),
            ({"a": {"b": [1]}}, 1),
            ({"a": {"b": [{"c": "x"}]}}, 1),
            ({"a": {"b": [{"c": "x"}, 1, 1]}}, 1),
            ({"a": {"d": None}}, 1),
            ({"a": {"b": [2]}}, 0),
            ({"b": [1]}, 0),
            ({"a": {"b": 1}}, 0),
            ({"a": []}, 0),
            ({"e": 2, "a": {"d": None}}, 1),
            ({"e": 2, "x": 1}, 0),
            ({"%": 1}, 0),
        ],
    )
    def test_a_metadata_filter_is_containment(self, owner, kind, metadata, count):
        assert _page(owner, kind, metadata=json.dumps(metadata))["total"] == count

    def test_filters_combine(self, owner, kind):
        page = _page(owner, kind, name="lamp", metadata='{"number":1}')

        assert [each["name"] for each in page[kind]] == ["lamp two"]

    def test_another_tenant_sees_nothing_of_it(self, mallory, owner, kind):
        owned = {each["id"] for each in _page(owner, kind, limit=100)[kind]}
        seen = {each["id"] for each in _page(mallory, kind, limit=100)[kind]}

        assert not owned & seen


def test_a_page_of_nothing_is_an_empty_array(server):
    account = Account(server)

    assert _page(account, "things") == {"total": 0, "offset": 0, "limit": 10, "things": []}
    assert _page(account, "channels", offset=7, limit=3) == {"total": 0, "offset": 7, "limit": 3, "channels": []}


def test_lists_by_connection_show_what_is_connected_both_ways(alice):
    channel, first, second = alice.pair()

    things = alice.call("things", "GET", f"/channels/{channel}/things", expect=200).json()
    assert [each["id"] for each in things["things"]] == sorted([first.id, second.id])
    assert {each["key"] for each in things["things"]} == {first.key, second.key}
    channels = alice.call("things", "GET", f"/things/{first.id}/channels", expect=200).json()
    assert [each["id"] for each in channels["channels"]] == [channel] and channels["total"] == 1
    page = alice.call("things", "GET", f"/channels/{channel}/things?offset=1&limit=1", expect=200).json()
    assert (page["total"], len(page["things"])) == (2, 1)
