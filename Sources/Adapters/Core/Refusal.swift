/// Why a client was refused, in one vocabulary for all protocols: the `reason` label of `fluxgate_refused_total`.
package enum Refusal: String, Error, Sendable, CaseIterable {
    case badRequest = "bad_request"
    case malformed
    case missingKey = "missing_key"
    case notAuthorized = "not_authorized"
    /// A key, or a certificate's common name, that is no thing's key.
    case unknownKey = "unknown_key"
    /// A key that isn't the one in the client's certificate.
    case keyMismatch = "key_mismatch"
    case noCommonName = "no_common_name"
    case severalCommonNames = "several_common_names"
    /// A proxy passed no certificate on.
    case noCertificate = "no_certificate"
    /// Passed on by a proxy, but signed by nobody we trust, or not meant for clients.
    case untrustedCertificate = "untrusted_certificate"
    case expiredCertificate = "expired_certificate"
    case notYetValidCertificate = "not_yet_valid_certificate"
    /// On a revocation list, also if it wasn't when the connection began.
    case revokedCertificate = "revoked_certificate"
    /// A certificate in a header of somebody who isn't a trusted proxy.
    case unexpectedCertificateHeader = "unexpected_certificate_header"
    /// A proxy's header that holds no certificate, or more than one.
    case badCertificateHeader = "bad_certificate_header"
    case unknownRoute = "unknown_route"
    case methodNotAllowed = "method_not_allowed"
    case badTopic = "bad_topic"
    case tooLarge = "too_large"
    case headersTooLarge = "headers_too_large"
    case timeout
    case unavailable
    case protocolError = "protocol_error"
    case unsupportedVersion = "unsupported_version"
    case overflow
    /// The tenant has as many of these as it may have.
    case quotaExceeded = "quota_exceeded"
    /// More messages or bytes than may come in a second.
    case rateLimited = "rate_limited"
    case badText = "bad_text"
    case takenOver = "taken_over"
    case rightTaken = "right_taken"
    /// The connection has lasted as long as one may.
    case lifetimeOver = "lifetime_over"
    /// It has carried no message for too long.
    case idle
}
