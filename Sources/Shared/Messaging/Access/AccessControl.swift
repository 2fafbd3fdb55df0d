package import Model

/// Who is this, and may it? Asked of the things service; ``AccessTable`` remembers what it granted.
package protocol AccessControl: Sendable {
    /// Whose key this is, or nil if it is nobody's.
    func identify(_ key: ThingKey) async throws(AccessUnavailable) -> ThingIdentity?

    /// Whether the thing is connected to the channel.
    func canAccess(_ thing: Thing.ID, _ channel: ChannelID) async throws(AccessUnavailable) -> Bool
}

/// The question couldn't be answered; asking again later may help. Never taken for a refusal, nor for a right.
package struct AccessUnavailable: Error {
    package init() {}
}

/// What comes of a key and a channel: like ``AccessAnswer``, but it tells a key of nobody from a right that isn't there.
package enum AdmissionAnswer {
    case granted(Admission)
    case unknownKey
    case refused
    case unavailable
}

/// What access control says.
package enum AccessAnswer<Right> {
    case granted(Right)
    case refused
    case unavailable
}
