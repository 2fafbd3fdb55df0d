package import MQTTCodec

/// The answer to `SessionAction.authenticate`.
package enum AuthenticationOutcome: Equatable, Sendable {
    /// The client is who it says; `clientID` is its own, or the one made for it when it sent none. Without terms its session ends
    /// with the connection.
    case accepted(clientID: String, SessionTerms? = nil)
    /// CONNACK says why: `badUserNameOrPassword`, `notAuthorized`, `serverUnavailable`, `serverBusy`, `banned` …
    case refused(MQTTReasonCode)
}
