/// Decodes `%xx` (RFC 3986 section 2.1), strictly.
package enum PercentDecoding {
    package enum Failure: Error, Equatable {
        case brokenEscape
        /// What comes out of it isn't.
        case notUTF8
    }

    /// - Parameter plusIsBlank: true in query strings of the REST services, which browsers and curl's `--data-urlencode` write
    ///   as forms do.
    package static func decode(_ text: some StringProtocol, plusIsBlank: Bool = false) -> Result<String, Failure> {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count)
        var rest = text.utf8.makeIterator()
        while let byte = rest.next() {
            switch byte {
            case UInt8(ascii: "%"):
                guard let high = rest.next()?.hexadecimalValue, let low = rest.next()?.hexadecimalValue else {
                    return .failure(.brokenEscape)
                }
                bytes.append(high << 4 | low)
            case UInt8(ascii: "+") where plusIsBlank:
                bytes.append(UInt8(ascii: " "))
            default:
                bytes.append(byte)
            }
        }
        guard let decoded = String(validating: bytes, as: UTF8.self) else { return .failure(.notUTF8) }
        return .success(decoded)
    }
}
