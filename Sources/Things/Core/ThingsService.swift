package import Model

/// The rules of things, channels and their connections (contract section 2).
///
/// Verbs of management are about one tenant's own; what belongs to another doesn't exist. Each change is committed, then
/// told to the publisher, then answered.
package struct ThingsService: Sendable {
    let things: any ThingRepository
    let channels: any ChannelRepository
    let connections: any ConnectionRepository
    let access: any AccessRepository
    let users: any UserDirectory
    let publisher: any ThingsEventPublisher
    let makeID: @Sendable () -> UniqueID

    /// - Parameter makeID: makes the ids, and the keys of those who don't bring one.
    package init(
        repositories: ThingsRepositories,
        users: any UserDirectory,
        publisher: any ThingsEventPublisher,
        makeID: @escaping @Sendable () -> UniqueID = { .random() }
    ) {
        self.things = repositories.things
        self.channels = repositories.channels
        self.connections = repositories.connections
        self.access = repositories.access
        self.users = users
        self.publisher = publisher
        self.makeID = makeID
    }

    /// The tenant that the holder of the token acts for. Throws ``ThingsError/unauthenticated`` or
    /// ``ThingsError/unavailable``.
    package func tenant(holding token: Secret) async throws -> Tenant.ID {
        try await users.identify(token).tenant
    }

    /// Removes everything that an account owns, and ends what lives by it.
    package func removeAll(ownedBy account: Account.ID) async throws {
        let events = [ThingsEvent.tenantRemoved(account.tenant)]
        _ = try await connections.removeAll(of: account.tenant, telling: events)
        await publisher.publish(events)
    }
}
