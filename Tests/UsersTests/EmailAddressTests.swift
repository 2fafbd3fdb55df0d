import Testing
import UsersCore

/// Contract 1.3, to the letter.
@Suite struct EmailAddressTests {
    @Test(arguments: [
        "jane@example.com", "a@b.cd", "a.b+c@example.com", "!#$%&'*+/=?^_{|}~.-`@example.com", "a@b..com", "a@é.com",
        "a@-b.cd", String(repeating: "a", count: 64) + "@example.com",
        "a@" + String(repeating: "b", count: 248) + ".com",
    ])
    func takes(_ text: String) {
        #expect(EmailAddress(text)?.text == text)
    }

    @Test(arguments: [
        "", "a@b.c", "jane", "@example.com", "jane@", "jane@x", "jane@localhost", "jane@.com", "jane@com.", "jane@..",
        ".jane@example.com", "jane.@example.com", "ja..ne@example.com", "ja ne@example.com", "jané@example.com",
        "ja\"ne@example.com", "ja@ne@example.com", "jane@exa mple.com", "jane@example.com\n", "jane@exam\u{A0}ple.com",
        String(repeating: "a", count: 65) + "@example.com", "a@" + String(repeating: "b", count: 249) + ".com",
    ])
    func refuses(_ text: String) {
        #expect(EmailAddress(text) == nil)
    }

    @Test func tellsAddressesApartByTheirBytes() throws {
        let composed = try #require(EmailAddress("a@\u{E9}.com"))
        let decomposed = try #require(EmailAddress("a@e\u{301}.com"))

        #expect(composed != decomposed)
        #expect(EmailAddress("Jane@example.com") != EmailAddress("jane@example.com"))
    }
}
