package import Model

extension ThingsService {
    /// Creates all of them, in this order, or none. Throws ``ThingsError/keyInUse`` or
    /// ``ThingsError/limitReached(_:_:)``.
    package func createThings(_ drafts: [ThingDraft], of tenant: Tenant.ID) async throws -> [Thing] {
        let created = drafts.map { draft in
            Thing(
                id: Thing.ID(makeID()),
                tenant: tenant,
                key: draft.key ?? ThingKey(makeID()),
                name: draft.details.name,
                metadata: draft.details.metadata
            )
        }
        guard !created.isEmpty else { return [] }
        let events = zip(created, drafts).map { ThingsEvent.thingCreated($0.id, owner: tenant, $1.details) }
        try await things.add(created, telling: events)
        await publisher.publish(events)
        return created
    }

    /// Throws ``ThingsError/notFound``.
    package func thing(_ id: Thing.ID, of tenant: Tenant.ID) async throws -> Versioned<Thing> {
        guard let thing = try await things.find(id, of: tenant) else { throw ThingsError.notFound }
        return thing
    }

    package func things(
        _ selection: Selection<Channel>,
        _ page: PageRequest,
        of tenant: Tenant.ID
    ) async throws -> Page<Thing> {
        try await things.list(selection, page, of: tenant)
    }

    /// Replaces name and metadata. Throws ``ThingsError/notFound`` or ``ThingsError/changedMeanwhile``.
    package func replaceThing(
        _ id: Thing.ID,
        with details: Details,
        if precondition: Precondition = .none,
        of tenant: Tenant.ID
    ) async throws {
        let events = [ThingsEvent.thingUpdated(id, details)]
        try await things.change(id, .details(details), if: precondition, of: tenant, telling: events)
        await publisher.publish(events)
    }

    /// Gives the thing another key; what was opened with the old one ends. Throws ``ThingsError/notFound``,
    /// ``ThingsError/changedMeanwhile`` or ``ThingsError/keyInUse``.
    package func changeKey(
        of id: Thing.ID,
        to key: ThingKey,
        if precondition: Precondition = .none,
        of tenant: Tenant.ID
    ) async throws {
        let events = [ThingsEvent.thingKeyChanged(id)]
        try await things.change(id, .key(key), if: precondition, of: tenant, telling: events)
        await publisher.publish(events)
    }

    /// Removes the thing; that there is none is no error without a precondition. Throws
    /// ``ThingsError/changedMeanwhile``.
    package func removeThing(
        _ id: Thing.ID,
        if precondition: Precondition = .none,
        of tenant: Tenant.ID
    ) async throws {
        let events = [ThingsEvent.thingRemoved(id)]
        guard try await things.remove(id, if: precondition, of: tenant, telling: events) else { return }
        await publisher.publish(events)
    }
}
