internal import GRPCCore
internal import InternalAPI
package import Messaging
package import Model
package import RPCSupport
internal import SwiftProtobuf

/// ``AccessControl`` by the things service, asked over gRPC.
package struct RemoteAccess: AccessControl {
    private let rpc: RPCClient

    package init(_ rpc: RPCClient) { self.rpc = rpc }

    package func identify(_ key: ThingKey) async throws(AccessUnavailable) -> ThingIdentity? {
        let question = Mainflux_Token.with { $0.value = key.secret.revealed }
        let answer = try await granted { things, options in try await things.identify(question, options: options) }
        guard let answer else { return nil }
        guard let thing = Thing.ID(answer.value), let tenant = Tenant.ID(answer.tenant) else {
            throw AccessUnavailable()
        }
        return ThingIdentity(thing: thing, tenant: tenant)
    }

    package func canAccess(_ thing: Thing.ID, _ channel: ChannelID) async throws(AccessUnavailable) -> Bool {
        let question = Mainflux_AccessByIDReq.with { question in
            question.thingID = "\(thing)"
            question.chanID = "\(channel)"
        }
        return try await granted { things, options in
            try await things.canAccessByID(question, options: options)
        } != nil
    }

    /// The answer; nil: a refusal.
    private func granted<Answer>(
        _ ask: (Mainflux_ThingsService.Client<RPCClient.Transport>, CallOptions) async throws -> Answer
    ) async throws(AccessUnavailable) -> Answer? {
        do {
            return try await ask(Mainflux_ThingsService.Client(wrapping: rpc.client), rpc.options)
        } catch let error as RPCError where !error.isOutage {
            return nil
        } catch {
            throw AccessUnavailable()
        }
    }

    /// Asks, for ``RPCClient/outage``, until the task is canceled. Nobody has a random key, but the service must look.
    package func watch() async {
        let things = Mainflux_ThingsService.Client(wrapping: rpc.client)
        await rpc.watch { [options = rpc.options] in
            let question = Mainflux_Token.with { $0.value = ThingKey.random().secret.revealed }
            _ = try await things.identify(question, options: options)
        }
    }
}
