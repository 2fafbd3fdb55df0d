import Model
import Synchronization
import Testing
import ThingsCore
import ThingsRemote

/// What is remembered of the users service's answers, and for how long.
@Suite struct RememberedUsersTests {
    /// Counts who asks, and answers as it is told.
    private final class Users: UserDirectory {
        let asked = Atomic(0)
        let account = Mutex<Account.ID?>(.random())

        func identify(_ token: Secret) async throws -> Account.ID {
            asked.add(1, ordering: .relaxed)
            guard let account = account.withLock({ $0 }) else { throw ThingsError.unauthenticated }
            return account
        }
    }

    private final class Clock: Sendable {
        let time = Mutex(ContinuousClock.now)

        func go(_ duration: Duration) { time.withLock { $0 += duration } }
    }

    private let users = Users()
    private let clock = Clock()
    private let remembered: RememberedUsers

    init() { remembered = RememberedUsers(users) { [clock] in clock.time.withLock { $0 } } }

    @Test func oneQuestionIsAskedInAMoment() async throws {
        for _ in 0..<10 { _ = try await remembered.identify(Secret("one")) }
        _ = try await remembered.identify(Secret("another"))
        #expect(users.asked.load(ordering: .relaxed) == 2)
    }

    @Test func aTokenThatHasEndedIsGoodForAMomentAndNoLonger() async throws {
        let account = try await remembered.identify(Secret("one"))
        users.account.withLock { $0 = nil }

        clock.go(RememberedUsers.lifetime - .nanoseconds(1))
        #expect(try await remembered.identify(Secret("one")) == account)
        clock.go(.nanoseconds(1))
        await #expect(throws: ThingsError.unauthenticated) { try await remembered.identify(Secret("one")) }
        #expect(RememberedUsers.lifetime < .milliseconds(250))
    }

    /// Who logs in anew isn't refused by what was said before.
    @Test func aRefusalIsNotRemembered() async throws {
        let account = users.account.withLock { account in
            defer { account = nil }
            return account
        }
        await #expect(throws: ThingsError.unauthenticated) { try await remembered.identify(Secret("one")) }
        users.account.withLock { $0 = account }
        #expect(try await remembered.identify(Secret("one")) == account)
    }

    @Test func noMoreAreRememberedThanFit() async throws {
        for number in 0...RememberedUsers.maximum { _ = try await remembered.identify(Secret("\(number)")) }
        _ = try await remembered.identify(Secret("0"))
        #expect(users.asked.load(ordering: .relaxed) == RememberedUsers.maximum + 2)
    }
}
