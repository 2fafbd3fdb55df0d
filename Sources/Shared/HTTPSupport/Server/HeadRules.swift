internal import HTTPTypes
internal import NIOHTTP1

/// What NIO's parser lets pass and we don't, because another server in front could read it another way
/// (RFC 9112 sections 3.2, 6.1 and 6.3).
enum HeadRules {
    static func refusal(of head: HTTPRequestHead, bodyLimit: Int) -> Problem? {
        if let detail = ambiguity(of: head) { return Problem(.badRequest, "malformed request", detail: detail) }
        guard let length = head.headers.first(name: "content-length") else { return nil }
        guard let bytes = Int(length), bytes <= bodyLimit else { return .tooLarge(limit: bodyLimit) }
        return nil
    }

    private static func ambiguity(of head: HTTPRequestHead) -> String? {
        let hosts = head.headers["host"]
        if hosts.count > 1 { return "more than one Host header" }
        if hosts.isEmpty, head.version != .http1_0 { return "the Host header is missing" }

        let lengths = head.headers["content-length"]
        if lengths.count > 1 { return "more than one Content-Length header" }
        if let length = lengths.first, !isDigits(length) { return "the Content-Length isn't a number" }

        let codings = head.headers["transfer-encoding"]
        guard let coding = codings.first else { return nil }
        if !lengths.isEmpty { return "both Content-Length and Transfer-Encoding" }
        if codings.count > 1 || coding.lowercased() != "chunked" { return "a Transfer-Encoding other than chunked" }
        return head.version == .http1_0 ? "Transfer-Encoding in HTTP/1.0" : nil
    }

    private static func isDigits(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    }
}
