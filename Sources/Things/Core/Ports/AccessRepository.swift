package import Model

/// What is asked without knowing the tenant: whose a key is, and what it may use. Each is one indexed look-up, because
/// adapters ask after every reconnect of every thing.
package protocol AccessRepository: Sendable {
    func identify(_ key: ThingKey) async throws -> ThingIdentity?

    /// Who the thing is, if it is connected to the channel.
    func identity(of thing: Thing.ID, using channel: Channel.ID) async throws -> ThingIdentity?

    /// Who the key belongs to, if that thing is connected to the channel.
    func identity(of key: ThingKey, using channel: Channel.ID) async throws -> ThingIdentity?
}
