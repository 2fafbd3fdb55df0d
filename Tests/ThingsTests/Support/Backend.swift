import Model
import SQL
import TestSupport
import ThingsCore
import ThingsStorage

/// What the repositories' contract is run on.
enum Backend: Sendable {
    case memory
    case sql(SQLEngine)

    static var allCases: [Backend] { [.memory] + SQLEngine.available.map { .sql($0) } }

    func repositories(limits: TenantLimits = TenantLimits()) async throws -> ThingsRepositories {
        try await twoCopies(limits: limits).0
    }

    /// As two programs have them that share their database.
    func twoCopies(limits: TenantLimits) async throws -> (ThingsRepositories, ThingsRepositories) {
        switch self {
        case .memory:
            let repositories = InMemoryThings(limits: limits).repositories
            return (repositories, repositories)
        case .sql(let engine):
            let database = try await engine.database()
            let one = things(in: database, limits)
            try await one.prepare()
            return (one.repositories, things(in: try database.another(), limits).repositories)
        }
    }

    private func things(in database: any SQLDatabase, _ limits: TenantLimits) -> ThingsDatabase {
        let sealer = ThingKeySealer(secret: Secret("a secret"))
        return ThingsDatabase(database, sealer: sealer, relaysEvents: true, limits: limits)
    }
}

extension Thing {
    static func sample(
        of tenant: Tenant.ID,
        key: ThingKey = .random(),
        name: String = "",
        metadata: JSONObject = [:]
    ) -> Thing {
        Thing(id: .random(), tenant: tenant, key: key, name: name, metadata: metadata)
    }
}

extension Channel {
    static func sample(of tenant: Tenant.ID, name: String = "", metadata: JSONObject = [:]) -> Channel {
        Channel(id: .random(), tenant: tenant, name: name, metadata: metadata)
    }
}

extension ListFilter {
    static func named(_ name: String) throws -> Self { try Self(name: name, metadata: [:]) }
    static func having(_ metadata: JSONObject) throws -> Self { try Self(name: "", metadata: metadata) }
}
