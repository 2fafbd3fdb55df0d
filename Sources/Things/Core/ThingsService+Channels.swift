package import Model

extension ThingsService {
    /// Creates all of them, in this order, or none. Throws ``ThingsError/limitReached(_:_:)``.
    package func createChannels(_ drafts: [Details], of tenant: Tenant.ID) async throws -> [Channel] {
        let created = drafts.map { draft in
            Channel(id: Channel.ID(makeID()), tenant: tenant, name: draft.name, metadata: draft.metadata)
        }
        guard !created.isEmpty else { return [] }
        let events = zip(created, drafts).map { ThingsEvent.channelCreated($0.id, owner: tenant, $1) }
        try await channels.add(created, telling: events)
        await publisher.publish(events)
        return created
    }

    /// Throws ``ThingsError/notFound``.
    package func channel(_ id: Channel.ID, of tenant: Tenant.ID) async throws -> Versioned<Channel> {
        guard let channel = try await channels.find(id, of: tenant) else { throw ThingsError.notFound }
        return channel
    }

    package func channels(
        _ selection: Selection<Thing>,
        _ page: PageRequest,
        of tenant: Tenant.ID
    ) async throws -> Page<Channel> {
        try await channels.list(selection, page, of: tenant)
    }

    /// Replaces name and metadata. Throws ``ThingsError/notFound`` or ``ThingsError/changedMeanwhile``.
    package func replaceChannel(
        _ id: Channel.ID,
        with details: Details,
        if precondition: Precondition = .none,
        of tenant: Tenant.ID
    ) async throws {
        let events = [ThingsEvent.channelUpdated(id, details)]
        try await channels.change(id, details, if: precondition, of: tenant, telling: events)
        await publisher.publish(events)
    }

    /// Removes the channel; that there is none is no error without a precondition. Throws
    /// ``ThingsError/changedMeanwhile``.
    package func removeChannel(
        _ id: Channel.ID,
        if precondition: Precondition = .none,
        of tenant: Tenant.ID
    ) async throws {
        let events = [ThingsEvent.channelRemoved(id)]
        guard try await channels.remove(id, if: precondition, of: tenant, telling: events) else { return }
        await publisher.publish(events)
    }
}
