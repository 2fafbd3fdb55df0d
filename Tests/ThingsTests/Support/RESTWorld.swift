import HTTPSupport
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Model
import NIOCore
import TestSupport
import Testing
import ThingsAPI
import ThingsCore

/// A request and the status that it must get. `$thing`, `$channel` … in path, token and body stand for those of a
/// ``RESTWorld``.
struct RESTCase: Sendable, CustomTestStringConvertible {
    let name: String
    let status: Int
    let method: HTTPRequest.Method
    let path: String
    let token: String?
    let contentType: String?
    let body: String?
    let headers: HTTPFields

    init(
        _ name: String,
        _ status: Int,
        _ method: HTTPRequest.Method,
        _ path: String,
        _ body: String? = nil,
        token: String? = "$token",
        type: String? = "application/json",
        headers: HTTPFields = [:]
    ) {
        (self.name, self.status, self.method, self.path) = (name, status, method, path)
        (self.token, self.contentType, self.body, self.headers) = (token, type, body, headers)
    }

    var testDescription: String { "\(method) \(path.prefix(60)): \(name) → \(status)" }
}

/// The two REST listeners over memory, with what two tenants own.
struct RESTWorld: Sendable {
    let users: InMemoryUsers
    let log = EventLog()
    let service: ThingsService
    private(set) var names: [String: String] = [:]

    init(limits: TenantLimits = TenantLimits()) async throws {
        let (mine, theirs) = (Account.ID.random(), Account.ID.random())
        self.users = InMemoryUsers(["my-token": mine, "their-token": theirs])
        let repositories = InMemoryThings(limits: limits).repositories
        self.service = ThingsService(repositories: repositories, users: users, publisher: log)
        let things = try await service.createThings(
            try ["thing", "other", "connected"].map { ThingDraft(details: try Details(name: $0)) },
            of: mine.tenant
        )
        let channels = try await service.createChannels([Details(name: "hall"), Details()], of: mine.tenant)
        let foreign = try await service.createThings([ThingDraft(details: Details())], of: theirs.tenant)
        let foreignChannels = try await service.createChannels([Details()], of: theirs.tenant)
        try await service.connect(Connections(thing: things[2].id, channel: channels[1].id), of: mine.tenant)
        names = [
            "token": "my-token", "foreign_token": "their-token", "unknown": "\(UniqueID.random())",
            "thing": "\(things[0].id)", "key": things[0].key.secret.revealed,
            "other_key": things[1].key.secret.revealed, "connected_thing": "\(things[2].id)",
            "connected_key": things[2].key.secret.revealed, "channel": "\(channels[0].id)",
            "connected_channel": "\(channels[1].id)", "foreign_thing": "\(foreign[0].id)",
            "foreign_key": foreign[0].key.secret.revealed, "foreign_channel": "\(foreignChannels[0].id)",
        ]
        for kind in ["thing", "channel", "connected_thing", "connected_channel"] {
            names["upper_\(kind)"] = names[kind]?.uppercased()
            names["bare_\(kind)"] = names[kind]?.filter { $0 != "-" }
        }
        log.forget()
    }

    func resolve(_ text: String) -> String {
        var text = text
        // The longest names first: one may begin as another does.
        for (name, value) in names.sorted(by: { $0.key.count > $1.key.count }) {
            text = text.replacing("$\(name)", with: value)
        }
        return text
    }

    var management: RESTResponder { makeThingsResponder(service: service, version: "1.2.3") }
    var access: RESTResponder { makeThingsAuthResponder(service: service) }

    func answer(_ test: RESTCase, by responder: RESTResponder? = nil) async throws -> RESTAnswer {
        var headers = test.headers
        headers[.authorization] = test.token.map(resolve)
        headers[.contentType] = test.contentType
        let body = test.body.map { ByteBuffer(string: resolve($0)) }
        let fields = headers
        return try await Application(responder: responder ?? management).test(.router) { client in
            try await client.execute(uri: resolve(test.path), method: test.method, headers: fields, body: body) {
                RESTAnswer(status: $0.status.code, headers: $0.headers, body: String(buffer: $0.body))
            }
        }
    }

    func call(
        _ method: HTTPRequest.Method,
        _ path: String,
        _ body: String? = nil,
        headers: HTTPFields = [:]
    ) async throws -> RESTAnswer {
        try await answer(RESTCase("", 0, method, path, body, headers: headers))
    }
}

struct RESTAnswer: Sendable {
    let status: Int
    let headers: HTTPFields
    let body: String

    var json: JSONValue { get throws { try JSONValue(parsing: body) } }

    func member(_ name: String) throws -> JSONValue? {
        guard case .object(let members) = try json else { return nil }
        return members[name]
    }
}
