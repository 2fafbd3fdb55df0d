package import GRPCCore
package import InternalAPI
internal import Model
internal import ServiceLifecycle
package import ThingsCore

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// `fluxgate.v1.Access`: the adapters' questions in batches, over a stream that lasts as long as both ends.
///
/// A question that can't be one is refused like one about nobody; a batch that is too long ends the stream with
/// INVALID_ARGUMENT.
package struct AccessRPCService: Fluxgate_V1_Access.SimpleServiceProtocol {
    /// Most questions of a batch.
    private static let longestBatch = 1_024
    /// Most batches of a stream being answered at a time; the next isn't read before that.
    private static let concurrency = 8

    private let things: ThingsService

    package init(_ things: ThingsService) { self.things = things }

    package func check(
        request: RPCAsyncSequence<Fluxgate_V1_Questions, any Error>,
        response: RPCWriter<Fluxgate_V1_Answers>,
        context: ServerContext
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            var running = 0
            for try await questions in request.cancelOnGracefulShutdown() {
                guard questions.questions.count <= Self.longestBatch else {
                    throw RPCError(code: .invalidArgument, message: "more than \(Self.longestBatch) questions")
                }
                if running >= Self.concurrency {
                    try await group.next()
                    running -= 1
                }
                running += 1
                group.addTask { try await response.write(await answers(to: questions)) }
            }
            try await group.waitForAll()
        }
    }

    private func answers(to questions: Fluxgate_V1_Questions) async -> Fluxgate_V1_Answers {
        let inquiries = questions.questions.map(AccessInquiry.init)
        let known = inquiries.compactMap { $0 }
        var answers = Fluxgate_V1_Answers()
        answers.id = questions.id
        do {
            var identities = try await things.identities(known).makeIterator()
            answers.answers = inquiries.map { inquiry in
                .init(inquiry == nil ? nil : identities.next() ?? nil)
            }
        } catch {
            answers.answers = inquiries.map { _ in Fluxgate_V1_Answer() }
        }
        return answers
    }
}

extension AccessInquiry {
    /// Nil if it can't be about anybody.
    fileprivate init?(_ question: Fluxgate_V1_Question) {
        if !question.key.isEmpty {
            guard let key = ThingKey(question.key) else { return nil }
            self = .key(key)
        } else {
            guard let thing = UniqueID(bytes: question.thing), let channel = UniqueID(bytes: question.channel) else {
                return nil
            }
            self = .use(Connection(thing: Thing.ID(thing), channel: Channel.ID(channel)))
        }
    }
}

extension Fluxgate_V1_Answer {
    /// Nil is a refusal.
    fileprivate init(_ identity: ThingIdentity?) {
        self.init()
        outcome = identity == nil ? .refused : .granted
        guard let identity else { return }
        thing = Data(identity.thing.value.bytes)
        tenant = Data(identity.tenant.value.bytes)
    }
}
