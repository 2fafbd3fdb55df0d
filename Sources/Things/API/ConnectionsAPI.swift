internal import HTTPSupport
internal import HTTPTypes
internal import Hummingbird
internal import Model
internal import ThingsCore

/// Connecting and disconnecting, one pair by its path or many by a body (contract 2.2).
struct ConnectionsAPI: Sendable {
    let service: ThingsService

    func connectOne(_ request: RESTRequest) async throws -> Response {
        let token = try request.requiredToken()
        let pair = try pair(request)
        try await service.connect(pair, of: service.tenant(holding: token))
        return .empty(.ok, headers: .deprecated("POST /connect connects any number of things and channels at once"))
    }

    func disconnectOne(_ request: RESTRequest) async throws -> Response {
        let token = try request.requiredToken()
        let pair = try pair(request)
        try await service.disconnect(pair, of: service.tenant(holding: token))
        return .empty(.noContent)
    }

    func connectMany(_ request: RESTRequest) async throws -> Response {
        let fields = try await request.jsonFields()
        let token = try request.requiredToken()
        let connections = try connections(fields)
        try await service.connect(connections, of: service.tenant(holding: token))
        return .empty(.ok)
    }

    func disconnectMany(_ request: RESTRequest) async throws -> Response {
        let fields = try await request.jsonFields()
        let token = try request.requiredToken()
        let connections = try connections(fields)
        try await service.disconnect(connections, of: service.tenant(holding: token))
        return .empty(.ok)
    }

    private func pair(_ request: RESTRequest) throws -> Connections {
        Connections(
            thing: try request.id("thing", of: Thing.self),
            channel: try request.id("channel", of: Channel.self)
        )
    }

    private func connections(_ fields: JSONFields) throws -> Connections {
        try Connections(things: ids(fields, "thing_ids"), channels: ids(fields, "channel_ids"))
    }

    private func ids<Subject>(_ fields: JSONFields, _ name: String) throws -> [TypedID<Subject>] {
        try (fields.strings(name) ?? []).map { text in
            guard let id = TypedID<Subject>(text) else { throw ThingsError.malformed("'\(name)' holds no UUID") }
            return id
        }
    }
}
