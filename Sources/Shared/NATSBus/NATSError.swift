internal import CNATS

/// Why a call to NATS failed, in the client library's words; they hold no payload.
package struct NATSError: Error, CustomStringConvertible, Equatable {
    package let description: String

    init(_ text: String) { description = text }

    init(_ status: natsStatus) {
        description = natsStatus_GetText(status).map { String(cString: $0) } ?? "unknown error"
    }

    /// There is no connection now.
    package static let disconnected = NATSError("not connected")
    static let timeout = NATSError(NATS_TIMEOUT)
    /// Nobody listens where it was asked.
    package static let noResponders = NATSError(NATS_NO_RESPONDERS)
}

/// Throws unless the call succeeded.
func check(_ status: natsStatus) throws(NATSError) {
    guard status == NATS_OK else { throw NATSError(status) }
}
