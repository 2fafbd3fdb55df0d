package import Model

/// The one reader of request targets of the HTTP and WebSocket adapters: `/channels/<id>/messages[/<subtopic>]`.
package struct MessagePath: Equatable {
    package let channel: ChannelID
    /// What follows `/messages`, decoded (RFC 3986 section 2.1); not yet checked as a subtopic.
    package let rest: Result<String, TopicError>

    /// Nil if the target is no such path. The query is not looked at.
    ///
    /// - Throws: ``TopicError/notAChannel`` if the id is no UUID.
    package init?(target: String) throws(TopicError) {
        let prefix = "/channels/".utf8
        let path = target.utf8.prefix { $0 != UInt8(ascii: "?") }
        guard path.starts(with: prefix) else { return nil }
        let parts = path.dropFirst(prefix.count).split(
            separator: UInt8(ascii: "/"),
            maxSplits: 2,
            omittingEmptySubsequences: false
        )
        guard parts.count >= 2, parts[1].elementsEqual("messages".utf8) else { return nil }
        guard let channel = UniqueID(ascii: parts[0]) else { throw .notAChannel }
        self.channel = ChannelID(channel)
        self.rest = parts.count == 3 ? PercentDecoding.decode(Substring(parts[2])) : .success("")
    }
}

/// Percent decoding of a path; `+` stays `+`.
package enum PercentDecoding {
    package static func decode(_ text: Substring) -> Result<String, TopicError> {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count)
        var rest = text.utf8.makeIterator()
        while let byte = rest.next() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.next().flatMap(hexValue), let low = rest.next().flatMap(hexValue) else {
                return .failure(.brokenEscape)
            }
            bytes.append(high << 4 | low)
        }
        guard let decoded = String(validating: bytes, as: UTF8.self) else { return .failure(.notUTF8) }
        return .success(decoded)
    }

    private static func hexValue(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
