package import Model

/// Where things are kept. Every verb is about the things of one tenant; those of others don't exist for it.
/// The events of a change are kept with it, to be relayed (``EventOutbox``).
package protocol ThingRepository: Sendable {
    /// Keeps all of them, or none: ``ThingsError/keyInUse`` if any key is taken, by any tenant's thing, and
    /// ``ThingsError/limitReached(_:_:)`` if they are more than the tenant may have, whoever else adds to it meanwhile.
    func add(_ things: [Thing], telling events: [ThingsEvent]) async throws

    func find(_ id: Thing.ID, of tenant: Tenant.ID) async throws -> Versioned<Thing>?

    /// Part of the things that are selected, in the order of their ids.
    func list(_ selection: Selection<Channel>, _ page: PageRequest, of tenant: Tenant.ID) async throws -> Page<Thing>

    /// Answers the new revision. Throws ``ThingsError/notFound``, ``ThingsError/changedMeanwhile``,
    /// ``ThingsError/keyInUse``.
    @discardableResult
    func change(
        _ id: Thing.ID,
        _ change: ThingChange,
        if precondition: Precondition,
        of tenant: Tenant.ID,
        telling events: [ThingsEvent]
    ) async throws -> Revision

    /// Removes the thing and its connections. Answers whether there was one.
    func remove(
        _ id: Thing.ID,
        if precondition: Precondition,
        of tenant: Tenant.ID,
        telling events: [ThingsEvent]
    ) async throws -> Bool
}
