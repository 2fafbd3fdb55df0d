import HTTPSupport
import Model
import Testing

@Suite struct RequestValueTests {
    @Test func takesCommasAndFormBlanksInAQuery() throws {
        let query = try QueryParameters("name=a,b+c%2Cd&metadata=%7B%22a%22%3A1%2C%22b%22%3A2%7D&none=null&empty")

        #expect(try query.string("name") == "a,b c,d")
        #expect(try query.object("metadata") == ["a": .integer(1), "b": .integer(2)])
        #expect(try query.object("none") == nil)
        #expect(try query.string("empty") == "")
        #expect(try query.string("missing") == nil)
    }

    @Test(arguments: ["metadata=", "metadata=1", "metadata=%7B", "metadata=%7B%7D&metadata=%7B%7D"])
    func refusesMetadataThatIsNoObject(_ text: String) throws {
        let query = try QueryParameters(text)

        #expect(throws: Problem.self) { try query.object("metadata") }
    }

    @Test func refusesAZeroCharacterInAFilter() throws {
        let query = try QueryParameters("name=a%00b")

        #expect(throws: Problem.self) { try query.string("name") }
    }

    @Test func prefersTheFieldOfExactlyTheNameAskedFor() throws {
        let fields = try JSONFields(
            .object(["Name": .string("b"), "name": .string("a"), "KEYS": .array([.string("k")])])
        )

        #expect(try fields.string("name") == "a")
        #expect(try fields.strings("keys") == ["k"])
        #expect(try fields.string("missing") == nil)
    }

    @Test(arguments: [
        ("10.1.2.3", "10.1.2.3"), ("::ffff:10.1.2.3", "10.1.2.3"), ("::1", "0:0:0:0::/64"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"), ("2001:db8::6", "2001:db8:0:0::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"), ("fe80::1%eth0", "fe80:0:0:0::/64"),
    ])
    func tellsClientsByAddressOrNetwork(_ address: String, _ client: String) {
        #expect(ClientAddress(ipAddress: address).description == client)
    }
}
