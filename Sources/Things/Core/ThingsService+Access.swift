package import Model

/// What adapters ask. Nil is a refusal; ``ThingsError/unavailable`` is none.
extension ThingsService {
    /// Who the key belongs to.
    package func identify(_ key: ThingKey) async throws -> ThingIdentity? {
        try await access.identify(key)
    }

    /// Who the key belongs to, if that thing may use the channel.
    package func canAccess(key: ThingKey, channel: Channel.ID) async throws -> ThingIdentity? {
        try await access.identity(of: key, using: channel)
    }

    /// Who the thing is, if it may use the channel.
    package func canAccess(thing: Thing.ID, channel: Channel.ID) async throws -> ThingIdentity? {
        try await access.identity(of: thing, using: channel)
    }

    /// The answers to many questions, in their order.
    package func identities(_ inquiries: [AccessInquiry]) async throws -> [ThingIdentity?] {
        try await access.identities(inquiries)
    }
}
