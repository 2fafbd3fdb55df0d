package import Messaging
package import Model

/// Where sessions are while their clients are away. One at a time has a session: who takes it gets it when the one before has
/// given it back. All calls return at once.
package protocol SessionStore: Sendable {
    /// Whether there may be a session of this client.
    func mayHave(_ client: MQTTClient) -> Bool

    /// Takes a client's session.
    ///
    /// - Parameters:
    ///   - tenant: whose thing the client is.
    ///   - isWanted: whether what there is is to be gone on with; else it goes [MQTT-3.1.2-4].
    ///   - isMade: whether the caller makes one if there is none; else it has taken nothing then.
    ///   - then: called once, on any thread.
    func take(
        _ client: MQTTClient,
        of tenant: Tenant.ID?,
        isWanted: Bool,
        isMade: Bool,
        then: @escaping @Sendable (Result<SessionRecord?, SessionStoreError>) -> Void
    )

    /// The client, who has its session, subscribes to the channel: from when this returns on the log has the channel's messages.
    func expect(_ channel: ChannelID, for client: MQTTClient)

    /// Keeps a session as it is now; it stays with who has it.
    ///
    /// - Parameter then: called once, on any thread: whether it is safe.
    func keep(_ record: SessionRecord, then: @escaping @Sendable (Bool) -> Void)

    /// Gives a session back, whose time runs from now on; nil: it is over. Rights that were taken from its thing meanwhile are taken from it too.
    ///
    /// - Parameter then: called once, on any thread: whether it is safe.
    func giveBack(_ client: MQTTClient, _ record: SessionRecord?, then: @escaping @Sendable (Bool) -> Void)
}

package enum SessionStoreError: Error {
    /// It can't be read or written now.
    case unavailable
    /// The thing has as many as it may have.
    case tooMany
}

/// What keeps sessions: where they are, and the log that they read.
package struct SessionKeeping: Sendable {
    package let store: any SessionStore
    package let log: any MessageLog
    /// Most seconds that a session outlives its connection.
    package let maximumExpiry: UInt32

    package init(store: any SessionStore, log: any MessageLog, maximumExpiry: UInt32) {
        self.store = store
        self.log = log
        self.maximumExpiry = maximumExpiry
    }
}
