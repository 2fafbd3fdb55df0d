/// Why a client was refused, in one vocabulary for all protocols: the `reason` label of `fluxgate_refused_total`.
package enum Refusal: String, Sendable, CaseIterable {
    case badRequest = "bad_request"
    case malformed
    case missingKey = "missing_key"
    case notAuthorized = "not_authorized"
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
    case badText = "bad_text"
    case takenOver = "taken_over"
    case rightTaken = "right_taken"
}
