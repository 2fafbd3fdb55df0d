package import AdaptersCore
package import NIOCore
package import NIOHTTP1

/// An answer of the adapters' HTTP side. Errors carry the same JSON body as the REST services (RFC 9457 beside `error`).
package struct HTTPAnswer: Equatable {
    package var status: HTTPResponseStatus
    package var headers: [String: String] = [:]
    package var body: String = ""
    /// Why the request was refused; nil if it wasn't.
    package var refusal: Refusal?
    /// The connection ends after this answer.
    package var closes = false

    /// A success.
    package init(_ status: HTTPResponseStatus, json body: String = "") {
        self.status = status
        self.body = body
    }

    /// A refusal.
    package init(_ status: HTTPResponseStatus, _ refusal: Refusal, _ detail: String, closes: Bool = false) {
        let title = status.reasonPhrase
        self.status = status
        self.refusal = refusal
        self.closes = closes
        self.body =
            #"{"error":"\#(detail)","type":"about:blank","title":"\#(title)","status":\#(status.code),"detail":"\#(detail)"}"#
    }

    /// With one more header.
    package func with(_ name: String, _ value: String) -> Self {
        var answer = self
        answer.headers[name] = value
        return answer
    }

    package static let accepted = HTTPAnswer(.accepted)
    package static let missingKey = HTTPAnswer(.unauthorized, .missingKey, "missing thing key")
        .with("WWW-Authenticate", "Thing")
    package static let notAuthorized = refused(.notAuthorized)
    /// The credentials are no good.
    package static func refused(_ reason: Refusal) -> HTTPAnswer {
        switch reason {
        case .missingKey: .missingKey
        case .keyMismatch: HTTPAnswer(.forbidden, reason, "the key isn't the one in the client certificate")
        case .noCommonName: HTTPAnswer(.forbidden, reason, "the client certificate has no common name")
        case .severalCommonNames: HTTPAnswer(.forbidden, reason, "the client certificate has several common names")
        case .noCertificate: HTTPAnswer(.forbidden, reason, "the proxy passed no client certificate on")
        case .untrustedCertificate: HTTPAnswer(.forbidden, reason, "the client certificate is not trusted")
        case .expiredCertificate: HTTPAnswer(.forbidden, reason, "the client certificate has expired")
        case .notYetValidCertificate: HTTPAnswer(.forbidden, reason, "the client certificate is not valid yet")
        case .revokedCertificate: HTTPAnswer(.forbidden, reason, "the client certificate was revoked")
        case .unexpectedCertificateHeader: .badRequest("only a trusted proxy may pass a client certificate on", reason)
        case .badCertificateHeader: .badRequest("exactly one client certificate must be passed on", reason)
        default: HTTPAnswer(.forbidden, reason, "missing or invalid credentials provided")
        }
    }

    package static let unavailable = HTTPAnswer(.serviceUnavailable, .unavailable, "access can't be decided right now")
        .with("Retry-After", "1")
    /// The account has as many of these as it may have (RFC 6585 section 4 has no better status).
    package static let quotaExceeded = HTTPAnswer(
        .tooManyRequests,
        .quotaExceeded,
        "the account has as many connections as it may have"
    )
    /// - Parameter wait: nanoseconds until the next message may come.
    package static func rateLimited(for wait: UInt64) -> HTTPAnswer {
        HTTPAnswer(.tooManyRequests, .rateLimited, "more messages than may come in a second")
            .with("Retry-After", "\((wait + 999_999_999) / 1_000_000_000)")
    }

    /// The absolute and the authority form are for proxies (RFC 9112 section 3.2); what follows a CONNECT isn't ours to read.
    package static let notAPath = HTTPAnswer(
        .badRequest,
        .badRequest,
        "the request target must be a path",
        closes: true
    )
    package static let unknownRoute = HTTPAnswer(.notFound, .unknownRoute, "no such resource")
    package static let tooLarge = HTTPAnswer(.payloadTooLarge, .tooLarge, "message too large", closes: true)
    package static let timeout = HTTPAnswer(.requestTimeout, .timeout, "request took too long", closes: true)

    package static func badRequest(_ detail: String, _ refusal: Refusal = .badRequest) -> HTTPAnswer {
        HTTPAnswer(.badRequest, refusal, detail)
    }

    package static func methodNotAllowed(_ allowed: String) -> HTTPAnswer {
        HTTPAnswer(.methodNotAllowed, .methodNotAllowed, "method not allowed").with("Allow", allowed)
    }

    package static func version(_ service: String, _ version: String) -> HTTPAnswer {
        HTTPAnswer(.ok, json: #"{"service":"\#(service)","version":"\#(version)"}"#)
    }
}

extension HTTPAnswer {
    /// Writes the answer as an HTTP/1.1 response (RFC 9112 section 4).
    ///
    /// - Parameters:
    ///   - date: an IMF-fixdate (RFC 9110 section 5.6.7).
    ///   - withoutBody: for the answer to a HEAD.
    package func write(to buffer: inout ByteBuffer, date: String, keepAlive: Bool, withoutBody: Bool = false) {
        buffer.writeString("HTTP/1.1 \(status.code) \(status.reasonPhrase)\r\nDate: ")
        buffer.writeString(date)
        if !body.isEmpty {
            buffer.writeStaticString("\r\nContent-Type: application/json\r\nX-Content-Type-Options: nosniff")
        }
        for (name, value) in headers { buffer.writeString("\r\n\(name): \(value)") }
        if !keepAlive { buffer.writeString("\r\nConnection: close") }
        buffer.writeString("\r\nContent-Length: \(body.utf8.count)\r\n\r\n")
        if !withoutBody { buffer.writeString(body) }
    }
}
