internal import HTTPTypes
internal import Model

/// The target of a request, taken apart (RFC 9112 section 3.2).
struct RequestTarget {
    /// As it was sent, without the query.
    let path: Substring
    /// Without the question mark; empty if there is none.
    let query: Substring
    /// The decoded parts between the slashes; `/things/` has two, the second empty.
    let segments: [String]

    init(_ text: String) throws(Problem) {
        var rest = text[...]
        if !rest.hasPrefix("/"), let scheme = rest.range(of: "://") {
            let authority = rest[scheme.upperBound...]
            rest = authority[(authority.firstIndex { $0 == "/" || $0 == "?" } ?? authority.endIndex)...]
            if rest.isEmpty { rest = "/" }
        }
        let parts = rest.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        self.path = parts[0]
        self.query = parts.count > 1 ? parts[1] : ""
        self.segments = try Self.segments(of: path)
    }

    private static func segments(of path: Substring) throws(Problem) -> [String] {
        guard path.hasPrefix("/") else { throw .notFound }
        var segments: [String] = []
        for part in path.dropFirst().split(separator: "/", omittingEmptySubsequences: false) {
            guard let segment = try? PercentDecoding.decode(part).get(), !segment.unicodeScalars.contains("\u{0}")
            else {
                throw Problem(.badRequest, "malformed path", detail: "the path can't be decoded")
            }
            segments.append(segment)
        }
        return segments
    }
}

extension Substring {
    /// The first place at which a text stands; Foundation isn't needed for that.
    fileprivate func range(of text: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(text) { return start..<index(start, offsetBy: text.count) }
            start = index(after: start)
        }
        return nil
    }
}
