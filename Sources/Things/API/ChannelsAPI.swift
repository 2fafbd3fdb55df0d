internal import HTTPSupport
internal import HTTPTypes
internal import Hummingbird
internal import Model
internal import ThingsCore

/// Channels as resources (contract 2.2).
struct ChannelsAPI: Sendable {
    let service: ThingsService

    func create(_ request: RESTRequest) async throws -> Response {
        let fields = try await request.jsonFields()
        let token = try request.requiredToken()
        let details = try fields.details()
        let created = try await service.createChannels([details], of: service.tenant(holding: token))
        var headers = HTTPFields.deprecated("POST /channels/bulk creates any number of channels at once")
        headers[.location] = created.first.map { "/channels/\($0.id)" }
        return .empty(.created, headers: headers)
    }

    func createMany(_ request: RESTRequest) async throws -> Response {
        let items = try await Bulk.items(of: request, for: service)
        let token = try request.requiredToken()
        let drafts = try items.map { try $0.details() }
        let created = try await service.createChannels(drafts, of: service.tenant(holding: token))
        return .json(.created, listing: "channels", created.map(\.members))
    }

    func view(_ request: RESTRequest) async throws -> Response {
        let tenant = try await service.tenant(holding: request.requiredToken())
        let found = try await service.channel(request.shownID("id", of: Channel.self), of: tenant)
        return .json(.ok, found.value.members, headers: [.eTag: found.revision.entityTag])
    }

    func list(_ request: RESTRequest) async throws -> Response {
        let token = try request.requiredToken()
        let (filter, page) = (try request.filter(), try request.query().page())
        return try await list(.matching(filter), page, of: service.tenant(holding: token))
    }

    /// The channels of a thing.
    func listConnected(_ request: RESTRequest) async throws -> Response {
        let token = try request.requiredToken()
        let page = try request.query().page()
        let tenant = try await service.tenant(holding: token)
        return try await list(.connected(to: request.shownID("id", of: Thing.self)), page, of: tenant)
    }

    private func list(
        _ selection: Selection<Thing>,
        _ page: PageRequest,
        of tenant: Tenant.ID
    ) async throws -> Response {
        try await service.channels(selection, page, of: tenant).response(named: "channels", \.members)
    }

    func replace(_ request: RESTRequest) async throws -> Response {
        let fields = try await request.jsonFields()
        let token = try request.requiredToken()
        let (id, details) = (try request.id("id", of: Channel.self), try fields.details())
        let tenant = try await service.tenant(holding: token)
        try await service.replaceChannel(id, with: details, if: request.precondition(), of: tenant)
        return .empty(.ok)
    }

    func remove(_ request: RESTRequest) async throws -> Response {
        let token = try request.requiredToken()
        let id = try request.id("id", of: Channel.self)
        let tenant = try await service.tenant(holding: token)
        try await service.removeChannel(id, if: request.precondition(), of: tenant)
        return .empty(.noContent)
    }
}

extension Channel {
    fileprivate var members: JSONMembers {
        [
            "id": .string("\(id)"), "name": name.isEmpty ? nil : .string(name),
            "metadata": metadata.isEmpty ? nil : .object(metadata),
        ]
    }
}
