package import Model

extension ThingsService {
    /// Connects every thing with every channel, or none. Throws ``ThingsError/notFound`` if one of them isn't the
    /// tenant's, and ``ThingsError/alreadyConnected``.
    package func connect(_ wanted: Connections, of tenant: Tenant.ID) async throws {
        guard wanted.count > 0 else { return }
        let events = wanted.pairs.map { ThingsEvent.connected($0) }
        try await connections.connect(wanted, of: tenant, telling: events)
        await publisher.publish(events)
    }

    /// Disconnects every thing from every channel, or none. Throws ``ThingsError/notFound`` if a pair isn't connected.
    package func disconnect(_ unwanted: Connections, of tenant: Tenant.ID) async throws {
        guard unwanted.count > 0 else { return }
        let events = unwanted.pairs.map { ThingsEvent.disconnected($0) }
        try await connections.disconnect(unwanted, of: tenant, telling: events)
        await publisher.publish(events)
    }
}
