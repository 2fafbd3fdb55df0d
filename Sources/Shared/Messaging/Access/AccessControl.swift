package import Model

/// Who is this, and may it? Asked of the things service; ``AccessTable`` remembers what it granted.
package protocol AccessControl: Sendable {
    /// Answers many questions in their order: who it is, if the key is somebody's, or if the thing is connected to the channel;
    /// nil is a refusal.
    func decide(_ questions: [AccessQuestion.Subject]) async -> [Result<ThingIdentity?, AccessUnavailable>]
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
