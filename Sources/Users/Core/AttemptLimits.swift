internal import Synchronization

/// How often one address or one account may try what guessing needs.
package final class AttemptLimits: Sendable {
    private struct Limiters {
        /// 60 log-ins at once from one address, then one a second.
        var logIns = AttemptLimiter<String>(attempts: 60, interval: .seconds(1))
        /// 20 registrations at once from one address, then one in three seconds.
        var registrations = AttemptLimiter<String>(attempts: 20, interval: .seconds(3))
        /// 10 wrong passwords for one account, then one in six seconds.
        var failures = AttemptLimiter<EmailAddress>(attempts: 10, interval: .seconds(6))
        /// 5 registrations of one e-mail address, then one in twelve seconds.
        var claims = AttemptLimiter<EmailAddress>(attempts: 5, interval: .seconds(12))
    }

    private let limiters = Mutex(Limiters())

    package init() {}

    func register(_ email: EmailAddress, from client: String, at now: Duration) throws(UsersError) {
        try allow(
            limiters.withLock { limiters in
                limiters.registrations.take(client, at: now) ?? limiters.claims.take(email, at: now)
            }
        )
    }

    func logIn(_ email: EmailAddress, from client: String, at now: Duration) throws(UsersError) {
        try allow(
            limiters.withLock { limiters in
                limiters.logIns.take(client, at: now) ?? limiters.failures.take(email, at: now)
            }
        )
    }

    /// The password of the attempt that ``logIn(_:from:at:)`` let pass was right, or wasn't looked at.
    func didNotFail(_ email: EmailAddress, at now: Duration) {
        limiters.withLock { $0.failures.giveBack(email, at: now) }
    }

    private func allow(_ wait: Duration?) throws(UsersError) {
        if let wait { throw .tooManyAttempts(retryAfter: wait) }
    }
}
