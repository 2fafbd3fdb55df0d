internal import HTTPSupport
internal import HTTPTypes
internal import Hummingbird
internal import Model
internal import ThingsCore

/// Things as resources (contract 2.2).
struct ThingsAPI: Sendable {
    let service: ThingsService

    func create(_ request: RESTRequest) async throws -> Response {
        let fields = try await request.jsonFields()
        let token = try request.requiredToken()
        let draft = try draft(fields)
        let created = try await service.createThings([draft], of: service.tenant(holding: token))
        var headers = HTTPFields.deprecated("POST /things/bulk creates any number of things at once")
        headers[.location] = created.first.map { "/things/\($0.id)" }
        return .empty(.created, headers: headers)
    }

    func createMany(_ request: RESTRequest) async throws -> Response {
        let items = try await Bulk.items(of: request, for: service)
        let token = try request.requiredToken()
        let drafts = try items.map(draft)
        let created = try await service.createThings(drafts, of: service.tenant(holding: token))
        return .json(.created, listing: "things", created.map(\.members))
    }

    func view(_ request: RESTRequest) async throws -> Response {
        let tenant = try await service.tenant(holding: request.requiredToken())
        let found = try await service.thing(request.shownID("id", of: Thing.self), of: tenant)
        return .json(.ok, found.value.members, headers: [.eTag: found.revision.entityTag])
    }

    func list(_ request: RESTRequest) async throws -> Response {
        let token = try request.requiredToken()
        let (filter, page) = (try request.filter(), try request.query().page())
        return try await list(.matching(filter), page, of: service.tenant(holding: token))
    }

    /// The things of a channel.
    func listConnected(_ request: RESTRequest) async throws -> Response {
        let token = try request.requiredToken()
        let page = try request.query().page()
        let tenant = try await service.tenant(holding: token)
        return try await list(.connected(to: request.shownID("id", of: Channel.self)), page, of: tenant)
    }

    private func list(
        _ selection: Selection<Channel>,
        _ page: PageRequest,
        of tenant: Tenant.ID
    ) async throws -> Response {
        try await service.things(selection, page, of: tenant).response(named: "things", \.members)
    }

    func replace(_ request: RESTRequest) async throws -> Response {
        let fields = try await request.jsonFields()
        let token = try request.requiredToken()
        let (id, details) = (try request.id("id", of: Thing.self), try fields.details())
        let tenant = try await service.tenant(holding: token)
        try await service.replaceThing(id, with: details, if: request.precondition(), of: tenant)
        return .empty(.ok)
    }

    func changeKey(_ request: RESTRequest) async throws -> Response {
        let fields = try await request.jsonFields()
        let token = try request.requiredToken()
        let id = try request.id("id", of: Thing.self)
        guard let key = try key(fields) else { throw ThingsError.malformed("'key' is missing or empty") }
        let tenant = try await service.tenant(holding: token)
        try await service.changeKey(of: id, to: key, if: request.precondition(), of: tenant)
        return .empty(.ok)
    }

    func remove(_ request: RESTRequest) async throws -> Response {
        let token = try request.requiredToken()
        let id = try request.id("id", of: Thing.self)
        let tenant = try await service.tenant(holding: token)
        try await service.removeThing(id, if: request.precondition(), of: tenant)
        return .empty(.noContent)
    }

    private func draft(_ fields: JSONFields) throws -> ThingDraft {
        ThingDraft(details: try fields.details(), key: try key(fields))
    }

    /// Nil if it is missing or empty.
    private func key(_ fields: JSONFields) throws -> ThingKey? {
        guard let text = try fields.string("key"), !text.isEmpty else { return nil }
        guard let key = ThingKey(text) else {
            throw ThingsError.malformed("'key' must be 8 to 256 printable ASCII characters without blanks")
        }
        return key
    }
}

extension Thing {
    fileprivate var members: JSONMembers {
        [
            "id": .string("\(id)"), "name": name.isEmpty ? nil : .string(name), "key": .string(key.secret.revealed),
            "metadata": metadata.isEmpty ? nil : .object(metadata),
        ]
    }
}
