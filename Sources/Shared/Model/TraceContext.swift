/// Where in a distributed trace something happens (W3C Trace Context, version 00): handed on in `traceparent`, so that the
/// log lines of all programs about one request can be found by its trace id.
package final class TraceContext: Sendable {
    /// That of the request, message or call that is being worked on.
    @TaskLocal package static var current: TraceContext?

    /// Sixteen bytes as 32 lower-case hexadecimal digits.
    package let traceID: String
    /// Eight bytes as 16 digits: the caller's.
    private let parentID: String
    private let flags: String

    private init(_ traceID: String, _ parentID: String, _ flags: String) {
        (self.traceID, self.parentID, self.flags) = (traceID, parentID, flags)
    }

    /// Reads `00-<trace id>-<parent id>-<flags>` (section 3.2). Nil if it isn't that, or if an id is all zeros; later
    /// versions may have more behind it.
    package init?(traceparent text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count >= 55, bytes.count <= 512, bytes[2] == UInt8(ascii: "-"), bytes[35] == UInt8(ascii: "-"),
            bytes[52] == UInt8(ascii: "-"),
            text.utf8.count == 55 || (bytes[55] == UInt8(ascii: "-") && !text.hasPrefix("00"))
        else { return nil }
        let fields = [bytes[0..<2], bytes[3..<35], bytes[36..<52], bytes[53..<55]]
        guard fields.allSatisfy({ $0.allSatisfy(Self.isDigit) }), !bytes.starts(with: "ff".utf8),
            fields[1].contains(where: { $0 != UInt8(ascii: "0") }),
            fields[2].contains(where: { $0 != UInt8(ascii: "0") })
        else { return nil }
        let texts = fields.map { String(decoding: $0, as: UTF8.self) }
        (traceID, parentID, flags) = (texts[1], texts[2], texts[3])
    }

    /// The next step of the same trace.
    package func child() -> TraceContext {
        let id = UInt64.random(in: 1 ... .max)
        let digits = String(id, radix: 16)
        return TraceContext(traceID, String(repeating: "0", count: 16 - digits.count) + digits, flags)
    }

    /// What is handed on.
    package var traceparent: String { "00-\(traceID)-\(parentID)-\(flags)" }

    /// Capitals are not allowed.
    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
    }
}
