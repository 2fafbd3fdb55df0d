package import GRPCCore
package import InternalAPI
internal import Model
package import SwiftProtobuf
package import ThingsCore

/// `mainflux.ThingsService` (contract section 3): who is this thing, and may it?
///
/// Each call throws INVALID_ARGUMENT if something is left out, PERMISSION_DENIED for a refusal, UNAVAILABLE for an outage.
package struct ThingsRPCService: Mainflux_ThingsService.SimpleServiceProtocol {
    private let things: ThingsService

    package init(_ things: ThingsService) { self.things = things }

    package func canAccessByKey(
        request: Mainflux_AccessByKeyReq,
        context: ServerContext
    ) async throws -> Mainflux_ThingID {
        guard !request.token.isEmpty, !request.chanID.isEmpty else { throw RPCError.incomplete }
        guard let key = ThingKey(request.token), let channel = Channel.ID(request.chanID) else {
            throw RPCError.refused
        }
        return try await answer { try await things.canAccess(key: key, channel: channel) }
    }

    package func canAccessByID(
        request: Mainflux_AccessByIDReq,
        context: ServerContext
    ) async throws -> Google_Protobuf_Empty {
        guard !request.thingID.isEmpty, !request.chanID.isEmpty else { throw RPCError.incomplete }
        guard let thing = Thing.ID(request.thingID), let channel = Channel.ID(request.chanID) else {
            throw RPCError.refused
        }
        _ = try await answer { try await things.canAccess(thing: thing, channel: channel) }
        return Google_Protobuf_Empty()
    }

    package func identify(request: Mainflux_Token, context: ServerContext) async throws -> Mainflux_ThingID {
        guard let key = ThingKey(request.value) else { throw RPCError.refused }
        return try await answer { try await things.identify(key) }
    }

    private func answer(_ ask: () async throws -> ThingIdentity?) async throws -> Mainflux_ThingID {
        let identity: ThingIdentity?
        do {
            identity = try await ask()
        } catch let error as CancellationError {
            throw error
        } catch {
            throw RPCError(code: .unavailable, message: "the things service can't tell at the moment")
        }
        guard let identity else { throw RPCError.refused }
        return .with { answer in
            answer.value = "\(identity.thing)"
            answer.tenant = "\(identity.tenant)"
        }
    }
}

extension RPCError {
    fileprivate static let refused = RPCError(
        code: .permissionDenied,
        message: "missing or invalid credentials provided"
    )
    fileprivate static let incomplete = RPCError(
        code: .invalidArgument,
        message: "received invalid can access request"
    )
}
