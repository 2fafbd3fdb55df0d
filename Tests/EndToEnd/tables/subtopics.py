"""Contract 5.1 with our decisions: what may stand behind `/messages` in a path."""

# What a publisher writes, and the subtopic that an MQTT subscriber sees.
NORMALISED = [
    ("", ""),
    ("/", ""),
    ("/..", ""),
    ("/a", "a"),
    ("/a/b", "a/b"),
    ("/a//b", "a/b"),
    ("/a.b", "a/b"),
    ("/a/./b", "a/b"),
    ("/a%2Fb", "a/b"),
    ("/a%2Eb/", "a/b"),
    ("/A/b", "A/b"),
    ("/%C3%A9/%E6%BC%A2", "é/漢"),
    ("/a=b;c,d@e&g'h(i)!j~k", "a=b;c,d@e&g'h(i)!j~k"),
]

# Refused with 400 when publishing; each is the rest of a path, percent-encoded.
REFUSED = {
    "a lone `*`": "/*", "a lone `>`": "/%3E", "a lone `+`": "/+", "a lone `#`": "/%23", "`*` among levels": "/a/*/b",
    "`>` at the end": "/a/%3E", "`*` in a level": "/a*b", "`>` in a level": "/a%3Eb", "`+` in a level": "/a+b",
    "`#` in a level": "/a%23", "encoded `*`": "/%2A", "encoded `+`": "/%2B",
    "a blank": "/a%20b", "a tab": "/a%09b", "CR": "/a%0Db", "LF": "/a%0Ab", "CRLF and a NATS line": "/a%0D%0APUB%20x%201",
    "U+0000": "/a%00b", "DEL": "/a%7Fb", "ESC": "/%1B", "a C1 control": "/%C2%85", "U+0080": "/a%C2%80",
    "a byte that is no UTF-8": "/%FF", "overlong UTF-8": "/%C0%AF", "a surrogate in UTF-8": "/%ED%A0%80",
    "a cut sequence": "/%E6%BC", "a no-break space": "/a%C2%A0b", "an ideographic space": "/%E3%80%80",
    "a line separator": "/%E2%80%A8", "a bad escape": "/%zz", "half an escape": "/a%2", "an escape at the end": "/a%",
}
