import Model
import Testing

@Suite struct SecretTests {
    static let hidden = "correct horse battery staple"

    @Test func neverPrints() {
        struct Holder { let secret = Secret(SecretTests.hidden) }
        var dumped = ""
        dump(Holder(), to: &dumped)

        let secret = Secret(Self.hidden)
        let texts = [
            "\(secret)", String(reflecting: secret), "\(Holder())", "\([secret])", "\(Optional(secret) as Any)", dumped,
        ]

        for text in texts {
            #expect(!text.contains("horse"))
            #expect(text.contains("‹redacted›") || text == dumped)
        }
    }

    @Test func equalsTheSameBytesOnly() {
        #expect(Secret("a key") == Secret("a key"))
        #expect(Secret("a key") != Secret("a kez"))
        #expect(Secret("a key") != Secret("a key "))
        #expect(Secret("é") != Secret("e\u{301}"))
    }
}

@Suite struct ThingKeyTests {
    @Test(arguments: ["12345678", "!\"#$%&'()*+,-./:;<=>?@[]^_`{|}~", String(repeating: "k", count: 256)])
    func takesPrintableASCIIWithoutBlanks(_ text: String) throws {
        let key = try #require(ThingKey(text))

        #expect(key.secret.revealed == text)
        #expect("\(key)" == "‹redacted›")
    }

    @Test(arguments: [
        "", "1234567", String(repeating: "k", count: 257), "1234 5678", "1234\t5678", "1234\u{0}5678", "1234\u{7F}5678",
        "12345678é", " 12345678", "12345678\n",
    ])
    func refusesEverythingElse(_ text: String) {
        #expect(ThingKey(text) == nil)
    }

    @Test func aRandomOneIsAnID() {
        #expect(UniqueID(ThingKey.random().secret.revealed) != nil)
        #expect(ThingKey.random() != ThingKey.random())
    }
}
