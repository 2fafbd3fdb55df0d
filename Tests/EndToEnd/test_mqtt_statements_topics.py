"""MQTT's statements on topic names, topic filters and how they match: section 4.7."""

import random

import pytest

from support import mqtt_properties as mp
from support import raw_mqtt as mqtt
from support.statements import MALFORMED, OPEN, statements

NAMES = ["a", "b", "a/b", "a/c", "b/b", "a/b/c", "A", "a/b/c/d"]
MATCHED = {
    "#": NAMES,
    "+": ["a", "b", "A"],
    "a": ["a"],
    "a/#": ["a", "a/b", "a/c", "a/b/c", "a/b/c/d"],
    "a/+": ["a/b", "a/c"],
    "+/b": ["a/b", "b/b"],
    "+/+": ["a/b", "a/c", "b/b"],
    "+/b/#": ["a/b", "b/b", "a/b/c", "a/b/c/d"],
    "a/+/c": ["a/b/c"],
    "a/+/+/d": ["a/b/c/d"],
    "a/b/c/#": ["a/b/c", "a/b/c/d"],
    "+/+/#": ["a/b", "a/c", "b/b", "a/b/c", "a/b/c/d"],
}
# Levels may be empty, at the beginning and at the end too.
WITH_EMPTY_LEVELS = {
    "/": ["/"],
    "/#": ["/", "/a", "/a/", "//"],
    "+/+": ["/", "/a", "a/"],
    "+": ["a"],
    "/+": ["/", "/a"],
    "a/+": ["a/"],
    "a/": ["a/"],
    "a/#": ["a", "a/"],
    "//": ["//"],
    "+/a/+": ["/a/"],
}


def heard(place, version, filters, names):
    """What each filter hears, by a client of its own."""
    writer, readers = place.writer(version), {}
    for number, each in enumerate(filters):
        readers[each] = place.reader(version, each, client=f"reader-{number}")
    for number, name in enumerate(names):
        writer.publish(place.topic(name), name.encode(), number % 3)
    found = {}
    for each, reader in readers.items():
        messages = place.heard(reader, writer)
        assert [each.topic for each in messages] == [place.topic(each.payload.decode()) for each in messages]
        found[each] = sorted(message.payload.decode() for message in messages)
    return found


@statements(v3="3.3.2-3 3.8.3-2 4.5.0-1 4.7.1-2 4.7.1-3", v5="3.3.2-3 4.5.0-1 4.7.1-1 4.7.1-2")
def test_a_filter_matches_what_it_should_and_nothing_else(place, version):
    assert heard(place, version, MATCHED, NAMES) == {each: sorted(names) for each, names in MATCHED.items()}


@statements(v3="4.7.1-3 4.7.3-1 4.7.3-4", v5="4.7.1-2 4.7.3-1 4.7.3-4", at=OPEN)
def test_an_empty_level_is_a_level(place, version):
    names = ["/", "/a", "a/", "a", "/a/", "//"]
    expected = {each: sorted(matched) for each, matched in WITH_EMPTY_LEVELS.items()}
    assert heard(place, version, WITH_EMPTY_LEVELS, names) == expected


# The first two look the same, and so do the last two.
LOOK_ALIKE = ["\u00e9", "e\u0301", "\u00c5", "\u212b"]


@statements(v3="4.7.3-4", v5="4.7.3-4")
def test_nothing_is_normalized(place, version):
    names = [*LOOK_ALIKE, "\u00c9", "\u017f", "s", "a,b", "%2F", "\ufb01", "fi", "\u00df", "ss"]
    assert heard(place, version, names, names) == {each: [each] for each in names}


def waiting(place, version):
    """A client with a session that wasn't there when these were published."""
    reader = place.come(version, clean=False)
    assert reader.subscribe(place.topic("#")) == [2]
    reader.disconnect()
    writer = place.writer(version)
    for name in LOOK_ALIKE:
        writer.publish(place.topic(name), name.encode(), 1)
    return place.come(version, clean=False), writer


def retained(place, version):
    writer = place.writer(version)
    for name in LOOK_ALIKE:
        writer.publish(place.topic(name), name.encode(), 1, retain=True)
    return place.reader(version, "#"), writer


@statements(v3="4.7.3-4", v5="4.7.3-4", retained=True)
@pytest.mark.parametrize("kept", [waiting, retained])
def test_nothing_is_normalized_that_is_kept(place, version, kept):
    reader, writer = kept(place, version)
    found = [reader.next() for _ in LOOK_ALIKE]
    assert {(ascii(place.relative(each.topic)), ascii(each.payload.decode())) for each in found} == {
        (ascii(each), ascii(each)) for each in LOOK_ALIKE
    }


@statements(v3="4.7.3-4", v5="4.7.3-4", at=OPEN)
def test_no_character_is_special_but_those_of_the_standard(place, version):
    names = ["a.b", "a,b", " ", "a b", "*", ">", "a*", "a.>"]
    names += ["\t", "\x7f", "\u00a0", "\u2028", "$", "a/$b", "\ufeff", "."]
    assert heard(place, version, names, names) == {each: [each] for each in names}


@statements(v3="4.7.2-1", v5="4.7.2-1", at=OPEN)
def test_a_wildcard_at_the_beginning_does_not_match_a_dollar(place, version):
    hidden = f"${place.mark}/a"
    writer, reader, others = place.writer(version), place.come(version), place.come(version, "reader-2")
    assert reader.subscribe(f"${place.mark}/#", f"${place.mark}/+", f"${place.mark}/a") == [2, 2, 2]
    assert others.subscribe("#", "+/a", "+/#", "+/+") == [2, 2, 2, 2]
    for qos in (0, 1, 2):
        writer.publish(hidden, b"", qos)
    heard = [each.topic for each in place.heard(others, writer)]
    assert hidden not in heard
    assert {each.topic for each in place.heard(reader, writer)} == {hidden}


@statements(v3="4.7.1-2 4.7.1-3 4.7.3-1", v5="4.7.1-1 4.7.1-2 4.7.3-1")
@pytest.mark.parametrize("wrong", ["a#", "a/#/b", "#/a", "##", "a/b#", "a+", "+a", "a/+b/c", "++", "#+", "a/#b", None])
def test_a_filter_against_the_grammar_is_refused(place, version, wrong):
    filters = [place.topic("good"), "" if wrong is None else place.topic(wrong)]
    reader, writer = place.come(version), place.writer(version)
    reader.send(mqtt.subscribe(*filters, version=version))
    if wrong is None:
        return reader.expect_end(MALFORMED, 0x8F)
    answer = reader.packet()
    assert (answer.kind, list(answer.body[-2:])) == (mqtt.SUBACK, [0, 0x8F if version == 5 else 0x80])
    for name in ("a", "a/b", "a/b/c", "b"):
        writer.publish(place.topic(name), b"", 1)
    assert place.payloads(reader, writer) == []


@statements(v3="4.7.3-3", v5="4.7.3-3")
def test_a_topic_as_long_as_a_string_can_be_is_refused(place, version):
    """A longer one can't be written down. What is taken is shorter."""
    reader, writer = place.come(version), place.writer(version)
    long, longest = place.topic("x" * 1_000), place.topic("x" * (65_535 - len(place.topic(""))))
    assert reader.subscribe(long, longest) == [2, 0x8F if version == 5 else 0x80]
    writer.publish(long, b"", 1)
    assert reader.next().topic == long
    another = place.come(version, "").send(mqtt.publish(longest, b"", 1, version=version))
    if version == 4:
        another.expect_end()
    else:
        assert another.packet().body[2] == 0x90


@statements(v3="3.10.4-1 4.7.3-4", v5="3.8.4-3 3.10.4-1 4.7.3-4")
def test_filters_that_look_alike_are_several(place, version):
    reader, writer = place.reader(version, LOOK_ALIKE[0]), place.writer(version)
    for name in LOOK_ALIKE[1:]:
        assert reader.unsubscribe(place.topic(name)) == ([0x11] if version == 5 else [])
    writer.publish(place.topic(LOOK_ALIKE[0]), b"", 1)
    assert len(place.heard(reader, writer)) == 1
    assert reader.subscribe(*map(place.topic, LOOK_ALIKE)) == [2] * 4
    assert reader.unsubscribe(*map(place.topic, LOOK_ALIKE)) == ([0] * 4 if version == 5 else [])


def matches(pattern, name):
    """Section 4.7, but for `$`."""
    for number, level in enumerate(pattern):
        if level == "#":
            return True
        if number == len(name) or level not in ("+", name[number]):
            return False
    return len(pattern) == len(name)


@statements(v5="3.3.2-3 3.3.4-2 3.3.4-3 3.3.4-4 4.5.0-1 4.7.1-1 4.7.1-2")
def test_random_filters_match_random_names_as_the_standard_has_it(place, version):
    seed = random.SystemRandom().randrange(1 << 32)
    chance = random.Random(seed)
    # Where there are keys an empty level is none.
    levels = ["a", "b", "c", *([""] if place.is_open else [])]
    reader, writer = place.come(version), place.writer(version)
    filters = {}
    for identifier in range(1, 41):
        pattern = tuple(chance.choice([*levels, "+"]) for _ in range(chance.randint(1, 4)))
        pattern = (*pattern, "#") if chance.random() < 0.3 else pattern
        filters[pattern] = (identifier, chance.randint(0, 2))
        name, properties = place.topic("/".join(pattern)), [(mp.SUBSCRIPTION, identifier)]
        assert reader.subscribe(name, options=filters[pattern][1], properties=properties) == [filters[pattern][1]]
    expected = []
    for number in range(60):
        name = tuple(chance.choice(levels) for _ in range(chance.randint(1, 5)))
        qos = chance.randint(0, 2)
        writer.publish(place.topic("/".join(name)), b"%d" % number, qos)
        if wanted := [each for pattern, each in filters.items() if matches(pattern, name)]:
            highest = max(granted for _, granted in wanted)
            identifiers = sorted(identifier for identifier, _ in wanted)
            expected.append((b"%d" % number, "/".join(name), min(qos, highest), identifiers))
    found = [
        (each.payload, place.relative(each.topic), each.qos, sorted(each.all(mp.SUBSCRIPTION)))
        for each in place.heard(reader, writer)
    ]
    # What is sent with QoS 0 may overtake.
    assert sorted(found) == sorted(expected), f"seed {seed}"


@statements(v3="4.7.2-1", v5="4.7.2-1", at=OPEN)
def test_what_is_kept_of_a_topic_with_a_dollar_does_not_match_a_wildcard_at_the_beginning(place, version):
    hidden, writer = f"${place.mark}/a", place.writer(version)
    filters = {"reader-1": "#", "reader-2": "+/a", "reader-3": f"${place.mark}/+"}
    for client, each in filters.items():
        away = place.come(version, client, clean=False)
        assert away.subscribe(each, options=1) == [1]
        away.disconnect()
    writer.publish(hidden, b"kept", 1, retain=True)
    heard = {client: place.heard(place.come(version, client, clean=False), writer) for client in filters}
    assert [hidden in [each.topic for each in heard[client]] for client in filters] == [False, False, True]
    fresh = place.come(version, "reader-4")
    assert fresh.subscribe(f"${place.mark}/#") == [2] and fresh.next().topic == hidden
    assert fresh.subscribe("+/a") == [2]
    assert hidden not in [each.topic for each in place.heard(fresh, writer)]
