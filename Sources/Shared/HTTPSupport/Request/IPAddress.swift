#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// An address of either family as 16 bytes: IPv4 is what IPv6 has for it, `::ffff:a.b.c.d` (RFC 4291 section 2.5.5.2).
package struct IPAddress: Sendable, Hashable {
    fileprivate static let mappedPrefix: [UInt8] = Array(repeating: 0, count: 10) + [255, 255]

    fileprivate let bytes: [UInt8]

    /// Nil if the text is no address. Zones (RFC 4007) aren't taken: they mean nothing on another machine.
    package init?(_ text: some StringProtocol) {
        guard text.utf8.count < INET6_ADDRSTRLEN, !text.utf8.contains(0) else { return nil }
        var four = in_addr()
        var six = in6_addr()
        let text = String(text)
        if inet_pton(AF_INET, text, &four) == 1 {
            bytes = Self.mappedPrefix + withUnsafeBytes(of: &four) { Array($0) }
        } else if inet_pton(AF_INET6, text, &six) == 1 {
            bytes = withUnsafeBytes(of: &six) { Array($0) }
        } else {
            return nil
        }
    }

    fileprivate var isIPv4: Bool { bytes.starts(with: Self.mappedPrefix) }
}

extension IPAddress: CustomStringConvertible {
    /// As `inet_ntop` writes it, IPv4 with dots.
    package var description: String {
        if isIPv4 { return bytes.suffix(4).map { "\($0)" }.joined(separator: ".") }
        return stride(from: 0, to: 16, by: 2).map { index in
            String(UInt16(bytes[index]) << 8 | UInt16(bytes[index + 1]), radix: 16)
        }.joined(separator: ":")
    }
}

/// Addresses that begin alike (RFC 4632, RFC 4291 section 2.3).
package struct IPNetwork: Sendable, Hashable {
    private let address: IPAddress
    /// How many of the 128 bits all have in common.
    private let length: Int

    /// `192.0.2.0/24`, `2001:db8::/32`, or one address alone. What follows behind the length counts for nothing.
    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard let first = parts.first, let address = IPAddress(first) else { return nil }
        let isIPv4 = !first.utf8.contains(UInt8(ascii: ":"))
        let longest = isIPv4 ? 32 : 128
        var length = longest
        if parts.count > 1 {
            guard parts.count == 2, parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }),
                let given = Int(parts[1]), given <= longest
            else { return nil }
            length = given
        }
        self.address = address
        self.length = isIPv4 ? length + 96 : length
    }

    package func contains(_ other: IPAddress) -> Bool {
        for index in 0..<16 {
            let bits = min(8, max(0, length - index * 8))
            let mask = UInt8(truncatingIfNeeded: 0xFF00 >> bits)
            if (address.bytes[index] ^ other.bytes[index]) & mask != 0 { return false }
        }
        return true
    }
}
