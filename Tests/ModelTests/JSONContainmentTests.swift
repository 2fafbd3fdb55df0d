import Model
import Testing

/// The examples of PostgreSQL's documentation of `@>` (section 8.14.3), and what they leave open.
@Suite struct JSONContainmentTests {
    @Test(arguments: [
        (#""foo""#, #""foo""#), ("[1,2,3]", "[1,3]"), ("[1,2,3]", "[3,1]"), ("[1,2,3]", "[1,2,2]"), ("[1,2,3]", "[]"),
        (#"{"product":"PostgreSQL","version":9.4,"jsonb":true}"#, #"{"version":9.4}"#), ("[1,2,[1,3]]", "[[1,3]]"),
        (#"{"foo":{"bar":"baz","x":1}}"#, #"{"foo":{}}"#), (#"["foo","bar"]"#, #""bar""#), (#"{"a":1}"#, "{}"),
        ("1", "1.0"), (#"{"a":1.0}"#, #"{"a":1}"#), ("[1]", "1.0"), ("[10]", "[1e1]"), ("null", "null"),
        (#"{"a":[{"b":1,"c":2}]}"#, #"{"a":[{"b":1}]}"#), (#"{"a":null}"#, #"{"a":null}"#),
        ("9007199254740993", "9007199254740993"),
    ])
    func contains(_ whole: String, _ part: String) throws {
        #expect(try JSONValue(parsing: whole).contains(JSONValue(parsing: part)))
    }

    @Test(arguments: [
        ("[1,2,[1,3]]", "[1,3]"), (#"{"foo":{"bar":"baz"}}"#, #"{"bar":"baz"}"#), (#""bar""#, #"["bar"]"#),
        (#"{"a":[1,2]}"#, #"{"a":1}"#), ("[[1]]", "1"), (#"{"a":1}"#, #"{"a":true}"#), (#"{"a":1}"#, #"{"a":"1"}"#),
        (#"{}"#, #"{"a":null}"#), ("[]", "{}"), ("{}", "[]"), ("1", "2"), ("false", "0"), ("null", "false"),
        ("9007199254740993", "9007199254740992"), (#"{"a":1}"#, #"{"a":1,"b":2}"#),
    ])
    func doesNotContain(_ whole: String, _ part: String) throws {
        #expect(try !JSONValue(parsing: whole).contains(JSONValue(parsing: part)))
    }
}
