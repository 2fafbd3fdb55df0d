"""The properties of MQTT 5: from (identifier, value) pairs to bytes and back, in order."""

import struct

from support.raw_mqtt import number, text

FORMAT, EXPIRY, CONTENT_TYPE, RESPONSE_TOPIC, CORRELATION, SUBSCRIPTION = 0x01, 0x02, 0x03, 0x08, 0x09, 0x0B
SESSION_EXPIRY, ASSIGNED_CLIENT, SERVER_KEEP_ALIVE, METHOD, DATA = 0x11, 0x12, 0x13, 0x15, 0x16
PROBLEM_INFORMATION, WILL_DELAY, RESPONSE_REQUEST, RESPONSE_INFORMATION = 0x17, 0x18, 0x19, 0x1A
REFERENCE, REASON, RECEIVE_MAXIMUM, ALIAS_MAXIMUM, ALIAS, MAXIMUM_QOS = 0x1C, 0x1F, 0x21, 0x22, 0x23, 0x24
RETAIN_AVAILABLE, USER, MAXIMUM_PACKET, WILDCARDS_AVAILABLE, IDENTIFIERS_AVAILABLE, SHARED_AVAILABLE = range(0x25, 0x2B)

BYTES = (FORMAT, PROBLEM_INFORMATION, RESPONSE_REQUEST, MAXIMUM_QOS, RETAIN_AVAILABLE)
WIDTHS = {
    **dict.fromkeys((*BYTES, WILDCARDS_AVAILABLE, IDENTIFIERS_AVAILABLE, SHARED_AVAILABLE), ">B"),
    **dict.fromkeys((SERVER_KEEP_ALIVE, RECEIVE_MAXIMUM, ALIAS_MAXIMUM, ALIAS), ">H"),
    **dict.fromkeys((EXPIRY, SESSION_EXPIRY, WILL_DELAY, MAXIMUM_PACKET), ">I"),
}
BINARY = (CORRELATION, DATA)

Properties = list[tuple[int, object]]


def encoded(properties: Properties) -> bytes:
    """Without the length before them."""
    return b"".join(bytes([identifier]) + _value(identifier, value) for identifier, value in properties)


def _value(identifier: int, value) -> bytes:
    if identifier in WIDTHS:
        return struct.pack(WIDTHS[identifier], value)
    if identifier == SUBSCRIPTION:
        return number(value)
    return text(value[0]) + text(value[1]) if identifier == USER else text(value)


def split(data: bytes) -> tuple[Properties, bytes]:
    """The properties at the beginning, with their length, and what follows them."""
    length, data = taken_number(data)
    section, rest = data[:length], data[length:]
    assert len(section) == length, "the properties end too early"
    found: Properties = []
    while section:
        identifier, section = section[0], section[1:]
        value, section = _taken(identifier, section)
        found.append((identifier, value))
    return found, rest


def _taken(identifier: int, data: bytes) -> tuple[object, bytes]:
    if form := WIDTHS.get(identifier):
        size = struct.calcsize(form)
        return struct.unpack(form, data[:size])[0], data[size:]
    if identifier == SUBSCRIPTION:
        return taken_number(data)
    if identifier in BINARY:
        return _field(data)
    value, data = _field(data)
    if identifier != USER:
        return value.decode(), data
    second, data = _field(data)
    return (value.decode(), second.decode()), data


def _field(data: bytes) -> tuple[bytes, bytes]:
    size = struct.unpack(">H", data[:2])[0]
    return data[2 : 2 + size], data[2 + size :]


def taken_number(data: bytes) -> tuple[int, bytes]:
    """A variable byte integer in its shortest form [MQTT-1.5.5-1]."""
    value = shift = position = 0
    while True:
        digit = data[position]
        value, shift, position = value | (digit & 0x7F) << shift, shift + 7, position + 1
        if digit < 0x80:
            assert number(value) == data[:position], "longer than it needs to be"
            return value, data[position:]
