import Model
import TestSupport
import ThingsCore
import ThingsStorage

/// What the repositories' contract is run on.
enum Backend: Sendable {
    case memory
    case sql(SQLEngine)

    static var allCases: [Backend] { [.memory] + SQLEngine.available.map { .sql($0) } }

    func repositories() async throws -> ThingsRepositories {
        switch self {
        case .memory: return InMemoryThings().repositories
        case .sql(let engine):
            let database = try await engine.database()
            let things = ThingsDatabase(
                database,
                sealer: ThingKeySealer(secret: Secret("a secret")),
                relaysEvents: true
            )
            try await things.prepare()
            return things.repositories
        }
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
