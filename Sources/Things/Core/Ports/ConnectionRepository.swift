package import Model

/// Where it is kept which thing may use which channel. The events of a change are kept with it, to be relayed
/// (``EventOutbox``).
package protocol ConnectionRepository: Sendable {
    /// Makes all of them, or none: ``ThingsError/notFound`` if an end isn't the tenant's,
    /// ``ThingsError/alreadyConnected`` if one exists.
    func connect(_ connections: Connections, of tenant: Tenant.ID, telling events: [ThingsEvent]) async throws

    /// Ends all of them, or none: ``ThingsError/notFound`` if one doesn't exist.
    func disconnect(_ connections: Connections, of tenant: Tenant.ID, telling events: [ThingsEvent]) async throws

    /// Removes everything that the tenant has: things, channels and connections. Answers whether there was anything;
    /// the events are kept in any case.
    func removeAll(of tenant: Tenant.ID, telling events: [ThingsEvent]) async throws -> Bool
}
