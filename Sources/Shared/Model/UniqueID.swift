/// A UUID (RFC 9562) as sixteen bytes; only its canonical form leaves the platform.
package struct UniqueID: Hashable, Sendable {
    package let high: UInt64
    package let low: UInt64

    @inlinable
    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Reads the 36-character form in any letter case; the hyphens are required.
    @inlinable
    package init?(_ text: some StringProtocol) {
        guard let value = Self(ascii: text.utf8) else { return nil }
        self = value
    }

    /// As ``init(_:)``, for bytes that haven't been made a string.
    @inlinable
    package init?(ascii bytes: some Collection<UInt8>) {
        guard bytes.count == 36 else { return nil }
        var words: (high: UInt64, low: UInt64) = (0, 0)
        var (position, digits) = (0, 0)
        for byte in bytes {
            defer { position += 1 }
            switch position {
            case 8, 13, 18, 23:
                guard byte == UInt8(ascii: "-") else { return nil }
            default:
                guard let digit = byte.hexadecimalValue.map(UInt64.init) else { return nil }
                if digits < 16 { words.high = words.high << 4 | digit } else { words.low = words.low << 4 | digit }
                digits += 1
            }
        }
        self.init(high: words.high, low: words.low)
    }

    /// Reads sixteen bytes in network order.
    @inlinable
    package init?(bytes: some Collection<UInt8>) {
        guard bytes.count == 16 else { return nil }
        var words: (high: UInt64, low: UInt64) = (0, 0)
        for byte in bytes {
            words.high = words.high << 8 | words.low >> 56
            words.low = words.low << 8 | UInt64(byte)
        }
        self.init(high: words.high, low: words.low)
    }

    /// A random UUID version 4 (RFC 9562 section 5.4).
    package static func random(using generator: inout some RandomNumberGenerator) -> Self {
        let high: UInt64 = generator.next()
        let low: UInt64 = generator.next()
        return Self(
            high: high & 0xFFFF_FFFF_FFFF_0FFF | 0x4000,
            low: low & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000
        )
    }

    /// A random UUID version 4 from the system's generator.
    package static func random() -> Self {
        var generator = SystemRandomNumberGenerator()
        return random(using: &generator)
    }

    /// The sixteen bytes in network order.
    package var bytes: [UInt8] {
        withUnsafeBytes(of: (high.bigEndian, low.bigEndian)) { Array($0) }
    }
}

extension UniqueID: Comparable {
    package static func < (left: Self, right: Self) -> Bool {
        (left.high, left.low) < (right.high, right.low)
    }
}

extension UniqueID: CustomStringConvertible {
    /// The canonical form: lower case, with hyphens.
    package var description: String {
        String(unsafeUninitializedCapacity: 36) { buffer in
            var written = 0
            let words = (high.bigEndian, low.bigEndian)
            withUnsafeBytes(of: words) { bytes in
                for (position, byte) in bytes.enumerated() {
                    switch position {
                    case 4, 6, 8, 10:
                        buffer[written] = UInt8(ascii: "-")
                        written += 1
                    default: break
                    }
                    (buffer[written], buffer[written + 1]) = byte.hexadecimalDigits
                    written += 2
                }
            }
            return written
        }
    }
}
