internal import AdapterTransport
internal import Logging
internal import Messaging
internal import Model
internal import Synchronization
internal import ThingsCore
internal import UsersCore

/// ``AccessControl`` by the things service of this process.
struct InProcessAccess: AccessControl {
    let things: ThingsService

    func decide(_ questions: [AccessQuestion.Subject]) async -> [Result<ThingIdentity?, AccessUnavailable>] {
        do {
            return try await things.identities(questions.map(AccessInquiry.init)).map { .success($0) }
        } catch {
            return questions.map { _ in .failure(AccessUnavailable()) }
        }
    }
}

extension AccessInquiry {
    fileprivate init(_ question: AccessQuestion.Subject) {
        switch question {
        case .key(let key): self = .key(key)
        case .use(let identity, let channel): self = .use(Connection(thing: identity.thing, channel: channel))
        }
    }
}

/// The users service of this process, as the things service sees it.
struct InProcessUsers: UserDirectory {
    let users: UsersService

    func identify(_ token: Secret) async throws -> Account.ID {
        do throws(UsersError) {
            return try await users.identify(token: token)
        } catch .invalidCredentials {
            throw ThingsError.unauthenticated
        } catch {
            throw ThingsError.unavailable
        }
    }
}

/// What an account owns, as the users service sees it. The things service is made after it, so it is handed in later.
final class InProcessResources: OwnedResources {
    private let things = Mutex<ThingsService?>(nil)

    func connect(_ things: ThingsService) {
        self.things.withLock { $0 = things }
    }

    func removeAll(ownedBy account: Account.ID) async throws(UsersError) {
        guard let things = things.withLock({ $0 }) else { throw .unavailable("the things service isn't up") }
        do { try await things.removeAll(ownedBy: account) } catch { throw .unavailable("things: \(error)") }
    }
}

/// Tells the event loops what the things service took away, before its answer goes out. In one process no event is lost,
/// so a decision that no event took back is as good as new.
final class InProcessEvents: ThingsEventPublisher {
    private let listeners = Mutex<(loops: AdapterLoops, store: MessageStore, sessions: SessionDatabase?)?>(nil)
    private let logger: Logger

    init(logger: Logger) {
        self.logger = logger
    }

    func connect(_ loops: AdapterLoops, _ store: MessageStore, _ sessions: SessionDatabase?) {
        listeners.withLock { $0 = (loops, store, sessions) }
    }

    func publish(_ events: [ThingsEvent]) async {
        let taken = events.compactMap(\.accessEvent)
        guard !taken.isEmpty, let (loops, store, sessions) = listeners.withLock({ $0 }) else { return }
        // First the sessions: a connection that is cut leaves what it has to them.
        for event in taken {
            sessions?.apply(event)
            store.apply(event)
        }
        do {
            try await loops.apply(taken)
        } catch {
            // The loops are shutting down, and every connection with them.
            logger.debug("cut not delivered", metadata: ["error": "\(error)"])
        }
    }
}
