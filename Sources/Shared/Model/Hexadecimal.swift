extension UInt8 {
    /// What an ASCII digit of base 16 stands for, in either letter case; nil if the byte is none.
    @inlinable package var hexadecimalValue: UInt8? {
        switch self {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): self - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): self - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): self - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    /// The two ASCII digits of the byte in base 16, in lower case.
    package var hexadecimalDigits: (high: UInt8, low: UInt8) { (Self.digit(self >> 4), Self.digit(self & 0x0F)) }

    private static func digit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
    }
}

extension Collection<UInt8> {
    /// Two digits of base 16 for each byte, in lower case.
    package var hexadecimal: String {
        String(unsafeUninitializedCapacity: count * 2) { buffer in
            var written = 0
            for byte in self {
                (buffer[written], buffer[written + 1]) = byte.hexadecimalDigits
                written += 2
            }
            return written
        }
    }
}

extension [UInt8] {
    /// The bytes of two digits of base 16 each; nil if the text is something else.
    package init?(hexadecimal text: some StringProtocol) {
        guard text.utf8.count.isMultiple(of: 2) else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count / 2)
        var digits = text.utf8.makeIterator()
        while let high = digits.next(), let low = digits.next() {
            guard let high = high.hexadecimalValue, let low = low.hexadecimalValue else { return nil }
            bytes.append(high << 4 | low)
        }
        self = bytes
    }
}
