package import MQTTCodec

/// What the caller does for a session, in the order of the list.
package enum SessionAction: Equatable, Sendable {
    /// Find out who this is and answer by `authenticated(_:at:into:)`; feed no packet before.
    // Boxed, so that it doesn't widen the actions of the hot path.
    indirect case authenticate(Connect)
    /// Authorise and route, then answer by `publishCompleted`; answers come in the order of the messages.
    ///
    /// A topic alias is resolved already. The topic is not validated: bytes that break the rules of a topic name go
    /// back by `failed(_:version:into:)`.
    case publish(Publish)
    /// Subscribe and answer by `subscribeCompleted`, with one code for each filter.
    case subscribe(Subscribe)
    /// Unsubscribe and answer by `unsubscribeCompleted`, with one code for each filter.
    case unsubscribe(Unsubscribe)
    /// The client has acknowledged a message of a shared subscription.
    case settled(SharedPlace)
    /// Write the packet, in the session's `version`.
    case send(MQTTPacket)
    /// Authorise and route the client's last will. Stands before `close`, once.
    case publishWill(Will)
    /// Flush and close. The last action of a session.
    case close(SessionEnd)
}
