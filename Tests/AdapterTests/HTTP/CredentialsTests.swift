import AdaptersCore
import Model
import Testing

@testable import AdapterTransport

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

@Suite struct CredentialsTests {
    @Test(arguments: [
        ("abcdefgh", "abcdefgh"), ("Thing abcdefgh", "abcdefgh"), ("tHING   abcdefgh", "abcdefgh"),
        ("Bearer abcdefgh", "abcdefgh"), ("Bearer,abcdefgh", "Bearer,abcdefgh"), ("Thingabcdefgh", "Thingabcdefgh"),
        ("~!@#$%^&", "~!@#$%^&"),
    ])
    func readsTheKeyOfAHeader(header: String, key: String) {
        #expect(Credentials.key(header: header)?.secret.revealed == key)
    }

    @Test(arguments: [
        "", " ", "short", "Thing", "Thing ", "Thing short", "Bearer  ", "Basic abcdefgh", "abcd efgh", "abcdefgh ",
        " abcdefgh", "Thing abcd efgh", "Thing Thing abcdefgh", "abcdéfgh", "abcdefg\u{7F}", "abcdefg\n",
        String(repeating: "a", count: 257),
    ])
    func readsNoKeyOfWhatCannotBeOne(header: String) {
        #expect(Credentials.key(header: header) == nil)
    }
}

@Suite struct HTTPDateTests {
    @Test(arguments: [
        (0.0, "Thu, 01 Jan 1970 00:00:00 GMT"), (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
        (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"), (1_709_251_199, "Thu, 29 Feb 2024 23:59:59 GMT"),
        (1_709_251_200, "Fri, 01 Mar 2024 00:00:00 GMT"), (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
        (1_767_225_599, "Wed, 31 Dec 2025 23:59:59 GMT"),
    ])
    func isAnIMFFixdate(seconds: Double, text: String) {
        #expect(HTTPDate.format(.init(timeIntervalSince1970: seconds)) == text)
    }
}
