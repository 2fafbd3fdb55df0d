"""What separate programs don't keep for MQTT clients, and how they say so."""

import struct

import pytest

from support import raw_mqtt as mqtt
from support.api import Account, publish_http
from support.listeners import topic
from support.sessions import Returning


@pytest.fixture(scope="module")
def pair(separate):
    return Account(separate.view()).pair()


@pytest.mark.parametrize("version", [4, 5])
def test_a_session_that_should_be_kept_lives_as_long_as_the_connection(one, pair, version):
    channel, thing, _ = pair
    for _ in range(2):
        client = Returning(one, thing, "kept", version)
        assert not client.is_present
        assert client.subscribe(topic(channel), qos=1) == [1]
        client.leave()


def test_mqtt_5_is_told_what_is_not_kept(one, pair):
    """CONNACK: session expiry interval 0x11, retain available 0x25, shared subscription available 0x2A."""
    properties = Returning(one, pair[1], "", 5, expiry=3600).connack.body[3:]
    assert b"\x11" + struct.pack(">I", 0) in properties
    assert b"\x25\x00" in properties and b"\x2a\x00" in properties
    assert b"\x12" in properties, "the client is told the identifier that it was given"


def test_a_retained_flag_of_mqtt_3_is_accepted_and_nothing_is_stored(one, pair):
    channel, thing, other = pair
    sender, early = (Returning(one, each, "", 4, clean=True) for each in (thing, other))
    early.subscribe(topic(channel))
    sender.send(mqtt.publish(topic(channel), b"retained", 1, retain=True, version=4))
    assert sender.packet().kind == mqtt.PUBACK
    late = Returning(one, other, "", 4, clean=True)
    late.subscribe(topic(channel))

    assert publish_http(one, channel, thing.key, b"fresh") == 202

    assert late.message()[1] == b"fresh"
    delivered = early.packet()
    assert delivered.kind == mqtt.PUBLISH and delivered.flags & 1 == 0, "delivered, and not marked as retained"
