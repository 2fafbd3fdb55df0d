internal import GRPCCore
internal import InternalAPI
package import Messaging
package import Model
package import RPCSupport
internal import SwiftProtobuf

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// ``AccessControl`` by the things service, asked over gRPC: in batches over a stream, or one by one where the service knows the
/// contract's calls only.
package struct RemoteAccess: AccessControl {
    private let rpc: RPCClient
    private let stream: AccessStream

    package init(_ rpc: RPCClient) {
        self.rpc = rpc
        self.stream = AccessStream(rpc)
    }

    package func decide(_ questions: [AccessQuestion.Subject]) async -> [Result<ThingIdentity?, AccessUnavailable>] {
        switch await stream.ask(questions.map(Fluxgate_V1_Question.init)) {
        case .answers(let answers): answers.map(\.result)
        case .unavailable: questions.map { _ in .failure(AccessUnavailable()) }
        case .unsupported: await oneByOne(questions)
        }
    }

    /// By the contract's calls, all at the same time.
    package func oneByOne(
        _ questions: [AccessQuestion.Subject]
    ) async -> [Result<ThingIdentity?, AccessUnavailable>] {
        typealias Answer = (place: Int, result: Result<ThingIdentity?, AccessUnavailable>)
        return await withTaskGroup(of: Answer.self) { group in
            for (place, question) in questions.enumerated() {
                group.addTask { (place, await decide(question)) }
            }
            return await group.reduce(into: questions.map { _ in .failure(AccessUnavailable()) }) { answers, answer in
                answers[answer.place] = answer.result
            }
        }
    }

    private func decide(_ question: AccessQuestion.Subject) async -> Result<ThingIdentity?, AccessUnavailable> {
        do throws(AccessUnavailable) {
            switch question {
            case .key(let key): return .success(try await identify(key))
            case .use(let identity, let channel):
                return .success(try await canAccess(identity.thing, channel) ? identity : nil)
            }
        } catch {
            return .failure(error)
        }
    }

    // MARK: The contract's calls

    /// Whose key this is, or nil if it is nobody's.
    package func identify(_ key: ThingKey) async throws(AccessUnavailable) -> ThingIdentity? {
        let question = Mainflux_Token.with { $0.value = key.secret.revealed }
        let answer = try await granted { things, options in try await things.identify(question, options: options) }
        guard let answer else { return nil }
        guard let thing = Thing.ID(answer.value), let tenant = Tenant.ID(answer.tenant) else {
            throw AccessUnavailable()
        }
        return ThingIdentity(thing: thing, tenant: tenant)
    }

    /// Whether the thing is connected to the channel.
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

    // MARK: The connection

    /// Keeps the stream open, and asks again and again for ``RPCClient/outage``, until the task is canceled. Nobody has a
    /// random key, but the service must look.
    package func run() async {
        let things = Mainflux_ThingsService.Client(wrapping: rpc.client)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await stream.run() }
            group.addTask {
                await rpc.watch { [options = rpc.options] in
                    let question = Mainflux_Token.with { $0.value = ThingKey.random().secret.revealed }
                    _ = try await things.identify(question, options: options)
                }
            }
        }
    }
}

extension Fluxgate_V1_Question {
    fileprivate init(_ question: AccessQuestion.Subject) {
        self.init()
        switch question {
        case .key(let key): self.key = key.secret.revealed
        case .use(let identity, let channel):
            thing = Data(identity.thing.value.bytes)
            self.channel = Data(channel.value.bytes)
        }
    }
}

extension Fluxgate_V1_Answer {
    /// An answer that says nothing we understand is no refusal.
    fileprivate var result: Result<ThingIdentity?, AccessUnavailable> {
        switch outcome {
        case .refused: return .success(nil)
        case .granted:
            guard let thing = UniqueID(bytes: thing), let tenant = UniqueID(bytes: tenant) else { fallthrough }
            return .success(ThingIdentity(thing: Thing.ID(thing), tenant: Tenant.ID(tenant)))
        case .unavailable, .UNRECOGNIZED: return .failure(AccessUnavailable())
        }
    }
}
