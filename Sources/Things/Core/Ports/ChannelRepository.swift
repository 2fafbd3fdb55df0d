package import Model

/// Where channels are kept. Every verb is about the channels of one tenant; those of others don't exist for it.
/// The events of a change are kept with it, to be relayed (``EventOutbox``).
package protocol ChannelRepository: Sendable {
    /// Keeps all of them, or none: ``ThingsError/limitReached(_:_:)`` if they are more than the tenant may have, whoever
    /// else adds to it meanwhile.
    func add(_ channels: [Channel], telling events: [ThingsEvent]) async throws

    func find(_ id: Channel.ID, of tenant: Tenant.ID) async throws -> Versioned<Channel>?

    /// Part of the channels that are selected, in the order of their ids.
    func list(_ selection: Selection<Thing>, _ page: PageRequest, of tenant: Tenant.ID) async throws -> Page<Channel>

    /// Answers the new revision. Throws ``ThingsError/notFound``, ``ThingsError/changedMeanwhile``.
    @discardableResult
    func change(
        _ id: Channel.ID,
        _ details: Details,
        if precondition: Precondition,
        of tenant: Tenant.ID,
        telling events: [ThingsEvent]
    ) async throws -> Revision

    /// Removes the channel and its connections. Answers whether there was one.
    func remove(
        _ id: Channel.ID,
        if precondition: Precondition,
        of tenant: Tenant.ID,
        telling events: [ThingsEvent]
    ) async throws -> Bool
}
