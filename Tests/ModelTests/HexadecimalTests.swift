import Model
import Testing

@Suite struct HexadecimalTests {
    @Test func everyByteIsTwoDigitsAndBack() {
        let bytes = (0...255).map { UInt8($0) }

        #expect([UInt8](hexadecimal: bytes.hexadecimal) == bytes)
        #expect([UInt8](hexadecimal: bytes.hexadecimal.uppercased()) == bytes)
        #expect(([0, 9, 10, 255] as [UInt8]).hexadecimal == "00090aff" && [UInt8]().hexadecimal.isEmpty)
    }

    @Test(arguments: ["0", "0g", "g0", "0x", " 0", "é", "00-"])
    func whatIsNoSuchTextIsNone(text: String) {
        #expect([UInt8](hexadecimal: text) == nil)
    }
}

@Suite struct PercentDecodingTests {
    @Test(arguments: [
        ("", "", ""), ("a/b", "a/b", "a/b"), ("%61%2Fb", "a/b", "a/b"), ("%c3%A9", "é", "é"), ("a+b", "a+b", "a b"),
        ("%2B", "+", "+"), ("é", "é", "é"), ("%00", "\u{0}", "\u{0}"),
    ])
    func decodesWithAPlusThatStaysOrIsABlank(text: String, path: String, query: String) {
        #expect(PercentDecoding.decode(text) == .success(path))
        #expect(PercentDecoding.decode(text, plusIsBlank: true) == .success(query))
    }

    @Test(arguments: ["%", "a%", "%4", "%4g", "%g4", "%%41", "% 41"])
    func aBrokenEscapeIsToldFromBytesThatAreNoText(text: String) {
        #expect(PercentDecoding.decode(text) == .failure(.brokenEscape))
    }

    @Test(arguments: ["%ff", "%C3", "%C3%28", "%ED%A0%80"])
    func bytesThatAreNoTextAreRefused(text: String) {
        #expect(PercentDecoding.decode(text) == .failure(.notUTF8))
    }
}
