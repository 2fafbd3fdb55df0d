internal import HTTPSupport
internal import HTTPTypes
internal import Hummingbird
internal import Model
internal import ThingsCore

/// What other services ask about keys and rights (contract 2.5). Whatever names nothing is refused alike.
struct AccessAPI: Sendable {
    static let bodyLimit = 16 << 10

    let service: ThingsService

    func identify(_ request: RESTRequest) async throws -> Response {
        guard let key = try await key(request) else { return Self.refusal }
        return answer(try await service.identify(key))
    }

    func accessByKey(_ request: RESTRequest) async throws -> Response {
        guard let key = try await key(request), let channel = Channel.ID(request.parameter("id")) else {
            return Self.refusal
        }
        return answer(try await service.canAccess(key: key, channel: channel))
    }

    func accessByID(_ request: RESTRequest) async throws -> Response {
        let text = try await request.jsonFields().string("thing_id") ?? ""
        guard let thing = Thing.ID(text), let channel = Channel.ID(request.parameter("id")) else { return Self.refusal }
        return try await service.canAccess(thing: thing, channel: channel) == nil ? Self.refusal : .empty(.ok)
    }

    private func key(_ request: RESTRequest) async throws -> ThingKey? {
        ThingKey(try await request.jsonFields().string("token") ?? "")
    }

    private func answer(_ identity: ThingIdentity?) -> Response {
        guard let identity else { return Self.refusal }
        return .json(.ok, ["id": .string("\(identity.thing)")])
    }

    private static var refusal: Response { ThingsError.unauthenticated.problem.response }
}
