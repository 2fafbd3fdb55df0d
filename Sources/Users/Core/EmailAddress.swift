/// An e-mail address as contract section 1.3 takes it; kept and compared byte by byte, as it was given.
package struct EmailAddress: Hashable, Sendable {
    package let text: String

    package init?(_ text: String) {
        guard (6...254).contains(text.utf8.count), let at = text.utf8.lastIndex(of: UInt8(ascii: "@")) else {
            return nil
        }
        let local = text.utf8[..<at]
        let domain = text.utf8[text.utf8.index(after: at)...]
        guard Self.isLocalPart(local), domain.count >= 2, Self.isDomain(domain) else { return nil }
        guard !text[at...].unicodeScalars.contains(where: \.properties.isWhitespace) else { return nil }
        self.text = text
    }

    /// 1 to 64 bytes, no dot at either end, no two dots in a row.
    private static func isLocalPart(_ bytes: Substring.UTF8View) -> Bool {
        guard (1...64).contains(bytes.count), bytes.allSatisfy(localBytes.contains) else { return false }
        let words = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        return words.allSatisfy { !$0.isEmpty }
    }

    private static let localBytes = Set(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+/=?^_`{|}~.-".utf8
    )

    /// At least one dot with something on both sides.
    private static func isDomain(_ bytes: Substring.UTF8View) -> Bool {
        bytes.dropFirst().dropLast().contains(UInt8(ascii: "."))
    }

    package static func == (left: Self, right: Self) -> Bool {
        left.text.utf8.elementsEqual(right.text.utf8)
    }

    package func hash(into hasher: inout Hasher) {
        for byte in text.utf8 { hasher.combine(byte) }
    }
}
