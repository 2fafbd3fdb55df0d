internal import Messaging
package import Model
internal import Synchronization
package import ThingsCore

/// Remembers for a moment whose token it was: who sends many requests has one in each of these moments looked up.
///
/// A token that its holder ends goes on being good for ``lifetime`` at most, from when it was last asked about.
package final class RememberedUsers: UserDirectory {
    package static let lifetime = AccountRemoval.tokenMemory
    /// Most tokens; beyond that all are forgotten.
    package static let maximum = 1_024

    private struct Answer {
        let account: Account.ID
        let end: ContinuousClock.Instant
    }

    private let users: any UserDirectory
    private let now: @Sendable () -> ContinuousClock.Instant
    private let answers = Mutex<[Secret: Answer]>([:])

    package init(_ users: any UserDirectory, now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }) {
        (self.users, self.now) = (users, now)
    }

    package func identify(_ token: Secret) async throws -> Account.ID {
        let asked = now()
        if let answer = answers.withLock({ $0[token] }), asked < answer.end { return answer.account }
        let account = try await users.identify(token)
        answers.withLock { answers in
            if answers.count >= Self.maximum { answers = [:] }
            answers[token] = Answer(account: account, end: asked + Self.lifetime)
        }
        return account
    }
}
