package import Model
package import ThingsCore

// Changes that nobody has to be told of.

extension ThingRepository {
    package func add(_ things: [Thing]) async throws { try await add(things, telling: []) }

    @discardableResult
    package func change(
        _ id: Thing.ID,
        _ change: ThingChange,
        if precondition: Precondition,
        of tenant: Tenant.ID
    ) async throws -> Revision {
        try await self.change(id, change, if: precondition, of: tenant, telling: [])
    }

    package func remove(_ id: Thing.ID, if precondition: Precondition, of tenant: Tenant.ID) async throws -> Bool {
        try await remove(id, if: precondition, of: tenant, telling: [])
    }
}

extension ChannelRepository {
    package func add(_ channels: [Channel]) async throws { try await add(channels, telling: []) }

    @discardableResult
    package func change(
        _ id: Channel.ID,
        _ details: Details,
        if precondition: Precondition,
        of tenant: Tenant.ID
    ) async throws -> Revision {
        try await change(id, details, if: precondition, of: tenant, telling: [])
    }

    package func remove(_ id: Channel.ID, if precondition: Precondition, of tenant: Tenant.ID) async throws -> Bool {
        try await remove(id, if: precondition, of: tenant, telling: [])
    }
}

extension ConnectionRepository {
    package func connect(_ connections: Connections, of tenant: Tenant.ID) async throws {
        try await connect(connections, of: tenant, telling: [])
    }

    package func disconnect(_ connections: Connections, of tenant: Tenant.ID) async throws {
        try await disconnect(connections, of: tenant, telling: [])
    }

    package func removeAll(of tenant: Tenant.ID) async throws -> Bool {
        try await removeAll(of: tenant, telling: [])
    }
}
