package import Model
internal import Synchronization
package import ThingsCore

/// Users by their tokens; out of reach if so told.
package final class InMemoryUsers: UserDirectory {
    private let state: Mutex<(accounts: [String: Account.ID], isReachable: Bool)>

    package init(_ accounts: [String: Account.ID]) {
        self.state = Mutex((accounts, true))
    }

    package func goAway() { state.withLock { $0.isReachable = false } }

    package func identify(_ token: Secret) async throws -> Account.ID {
        let (accounts, isReachable) = state.withLock { $0 }
        guard isReachable else { throw ThingsError.unavailable }
        guard let account = accounts[token.revealed] else { throw ThingsError.unauthenticated }
        return account
    }
}

/// Remembers what it was told.
package final class EventLog: ThingsEventPublisher {
    private let told = Mutex<[ThingsEvent]>([])

    package init() {}

    package var events: [ThingsEvent] { told.withLock { $0 } }

    package func publish(_ events: [ThingsEvent]) async { told.withLock { $0 += events } }

    package func forget() { told.withLock { $0 = [] } }
}
