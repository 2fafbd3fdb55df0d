package import Model

/// What is asked without knowing the tenant: whose a key is, and what it may use. Each is one indexed look-up, because
/// adapters ask after every reconnect of every thing.
package protocol AccessRepository: Sendable {
    func identify(_ key: ThingKey) async throws -> ThingIdentity?

    /// Who the thing is, if it is connected to the channel.
    func identity(of thing: Thing.ID, using channel: Channel.ID) async throws -> ThingIdentity?

    /// Who the key belongs to, if that thing is connected to the channel.
    func identity(of key: ThingKey, using channel: Channel.ID) async throws -> ThingIdentity?

    /// Answers many questions at once, in their order.
    func identities(_ inquiries: [AccessInquiry]) async throws -> [ThingIdentity?]
}

/// One of many questions.
package enum AccessInquiry: Sendable, Equatable {
    /// Whose is the key?
    case key(ThingKey)
    /// Who is the thing, if it is connected to the channel?
    case use(Connection)
}
