import Testing
import UsersCore

@Suite struct AttemptLimiterTests {
    @Test func allowsABurstAndThenOneEachInterval() {
        var limiter = AttemptLimiter<String>(attempts: 3, interval: .seconds(10))

        let burst = (0..<3).map { _ in limiter.take("a", at: .seconds(100)) }

        #expect(burst == [nil, nil, nil])
        #expect(limiter.take("a", at: .seconds(100)) == .seconds(10))
        #expect(limiter.take("a", at: .seconds(109)) == .seconds(1))
        #expect(limiter.take("a", at: .seconds(110)) == nil)
        #expect(limiter.take("a", at: .seconds(110)) == .seconds(10))
        #expect(limiter.take("b", at: .seconds(110)) == nil)
    }

    @Test func aRefusedAttemptCostsNothing() {
        var limiter = AttemptLimiter<String>(attempts: 1, interval: .seconds(10))
        _ = limiter.take("a", at: .zero)

        for _ in 0..<100 { _ = limiter.take("a", at: .seconds(1)) }

        #expect(limiter.take("a", at: .seconds(10)) == nil)
    }

    @Test func whatIsGivenBackCanBeTakenAgain() {
        var limiter = AttemptLimiter<String>(attempts: 1, interval: .seconds(10))

        for _ in 0..<100 {
            #expect(limiter.take("a", at: .zero) == nil)
            limiter.giveBack("a", at: .zero)
        }

        #expect(limiter.take("a", at: .zero) == nil)
        #expect(limiter.take("a", at: .zero) == .seconds(10))
    }

    @Test func aClockSetBackLocksOutForABurstAtMost() {
        var limiter = AttemptLimiter<String>(attempts: 2, interval: .seconds(10))
        for _ in 0..<2 { _ = limiter.take("a", at: .seconds(1_000_000)) }

        #expect(limiter.take("a", at: .seconds(5)) == .seconds(10))
    }

    @Test func remembersTheLatestKeysOnly() {
        var limiter = AttemptLimiter<Int>(attempts: 1, interval: .seconds(10), capacity: 100)

        for key in 0..<10_000 { #expect(limiter.take(key, at: .zero) == nil) }

        #expect(limiter.take(9_900, at: .zero) != nil)
        #expect(limiter.take(0, at: .zero) == nil)
    }
}
