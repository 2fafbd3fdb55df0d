import Model
import Testing

@Suite struct JSONTextTests {
    @Test(arguments: [
        ("null", JSONValue.null), (" true ", .bool(true)), ("false", .bool(false)), ("0", .integer(0)),
        ("-9223372036854775808", .integer(.min)), ("9223372036854775808", .double(9_223_372_036_854_775_808)),
        ("1.5e3", .double(1500)), ("1E-2", .double(0.01)), ("[]", .array([])), ("{}", .object([:])),
        (#"[1,[2,{"a":null}]]"#, .array([.integer(1), .array([.integer(2), .object(["a": .null])])])),
        (#""\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00é""#, .string("\"\\/\u{8}\u{c}\n\r\té😀é")),
        (#"{"a":1,"a":2}"#, .object(["a": .integer(2)])),
    ])
    func readsWhatIsValid(_ text: String, _ value: JSONValue) throws {
        #expect(try JSONValue(parsing: text) == value)
    }

    @Test(arguments: [
        "", " ", "tru", "nul", "truex", "01", "-", "1.", ".5", "1e", "+1", "1e999", "NaN", "Infinity", "[1,]", "[1 2]",
        "[", "]", "{", "}", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "{1:1}", "'a'", "\"", "\"a", "\"\\",
        "\"\\x\"",
        "\"\\u12\"", "\"\\u12g4\"", "\"\\u0000\"", "\"\\ud800\"", "\"\\ud800\\u0041\"", "\"\\ude00\"", "\"\n\"",
        "\"\u{0}\"",
        "1 2", "{} {}", "null,", "//", "[1]]", "\u{FEFF}1",
    ])
    func refusesWhatIsNot(_ text: String) {
        #expect(throws: JSONError.self) { try JSONValue(parsing: text) }
    }

    @Test func refusesBytesThatAreNotUTF8() {
        #expect(throws: JSONError.invalidText(at: 1)) { try JSONParser.parse([0x22, 0xC3, 0x28, 0x22]) }
        #expect(throws: JSONError.invalidText(at: 1)) { try JSONParser.parse([0x22, 0xED, 0xA0, 0x80, 0x22]) }
    }

    @Test func boundsTheDepth() throws {
        let deepest = String(repeating: "[", count: 64) + String(repeating: "]", count: 64)

        #expect(throws: Never.self) { try JSONValue(parsing: deepest) }
        #expect(throws: JSONError.tooDeep(at: 64)) { try JSONValue(parsing: "[" + deepest + "]") }
        #expect(throws: JSONError.tooDeep(at: 320)) {
            try JSONValue(parsing: String(repeating: #"{"a":"#, count: 500_000))
        }
    }

    @Test func aTruncatedTextIsRefusedAtEveryLength() {
        let text = #"{"a":[1.5e3,true,null,"\u00e9x"],"b":{}}"#

        for length in 0..<text.utf8.count {
            #expect(throws: JSONError.self) { try JSONParser.parse(Array(text.utf8.prefix(length))) }
        }
    }

    @Test(arguments: [
        #"{"a":[1,2.5,"x"],"b":{"c":null,"d":true}}"#, #""\"\\\n\r\t\u0001é😀""#, "[]", "{}", "-7", "1e+300", "[[[]]]",
    ])
    func writesWhatItReads(_ text: String) throws {
        #expect(try JSONValue(parsing: text).text == text)
    }
}
