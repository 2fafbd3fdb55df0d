import Bootstrap
import Model
import Testing

@testable import AdapterTransport

private let second: UInt64 = 1_000_000_000

@Suite struct RateMeterTests {
    @Test func aBurstOfASecondIsFreeAndThenEachMessageTakesItsTime() throws {
        var meter = try #require(RateMeter(.init(messages: 10)))
        for _ in 0..<10 { meter.charge(messages: 1, bytes: 0, at: second) }
        #expect(meter.wait(at: second) == 0)
        meter.charge(messages: 1, bytes: 0, at: second)
        #expect(meter.wait(at: second) == second / 10)
        #expect(meter.wait(at: second + second / 10) == 0)
    }

    @Test func whatIsReachedFirstCounts() throws {
        var meter = try #require(RateMeter(.init(messages: 1_000, bytes: 100)))
        meter.charge(messages: 1, bytes: 150, at: 0)
        #expect(meter.wait(at: 0) == second / 2)
    }

    @Test func nobodyWaitsForever() throws {
        var meter = try #require(RateMeter(.init(messages: 1, bytes: 1)))
        for _ in 0..<100 { meter.charge(messages: .max, bytes: .max, at: second) }
        #expect(meter.wait(at: second) == RateMeter.longestWait)
        meter.charge(messages: 0, bytes: 0, at: .max / 2)
        #expect(meter.isIdle(at: .max / 2))
    }

    @Test func withoutALimitThereIsNothingToMeasure() {
        #expect(RateMeter(.init()) == nil)
        #expect(TenantRates(.init()) == nil)
    }

    /// What gets through over a minute is the rate and one burst, whatever the sizes and pauses.
    @Test(arguments: [1, 7, 1_000, 123_456]) func overAMinuteTheRateIsKept(rate: Int) throws {
        var meter = try #require(RateMeter(.init(messages: rate)))
        var (now, sent) = (second, 0)
        while now < 61 * second {
            meter.charge(messages: max(1, rate / 50), bytes: 0, at: now)
            sent += max(1, rate / 50)
            now += max(meter.wait(at: now), 1)
            // It can't send faster than this anyway.
            now += second / 1_000
        }
        #expect(Double(sent) > Double(rate) * 60 * 0.95)
        #expect(Double(sent) < Double(rate) * 62 * 1.05 + 1)
    }
}

@Suite struct TenantRatesTests {
    @Test func allLoopsOfAProcessShareATenantsRate() throws {
        let rates = try #require(TenantRates(.init(messages: 1_000)))
        var loops = [TenantCredits(rates), TenantCredits(rates), TenantCredits(rates)]
        let (tenant, other) = (Tenant.ID.random(), Tenant.ID.random())
        var (now, sent) = (second, 0)
        while now < 11 * second {
            for index in loops.indices where loops[index].wait(of: tenant, at: now) == 0 {
                loops[index].charge(100, of: tenant, at: now)
                sent += 1
            }
            now += second / 2_000
        }
        #expect((10_000...11_300).contains(sent))
        #expect(loops.allSatisfy { $0.wait(of: other, at: now) == 0 })
    }

    @Test func bytesCountToo() throws {
        let rates = try #require(TenantRates(.init(bytes: 1_000)))
        var credits = TenantCredits(rates)
        let tenant = Tenant.ID.random()
        credits.charge(1_500, of: tenant, at: second)
        #expect(credits.wait(of: tenant, at: second) == second / 2)
        #expect(credits.wait(of: tenant, at: 2 * second) == 0)
    }
}

@Suite struct TenantUseTests {
    @Test func aTenantHasNoMoreThanItMayHave() {
        var settings = LimitSettings()
        settings.tenantConnections = 2
        let use = TenantUse(settings)
        let (tenant, other) = (Tenant.ID.random(), Tenant.ID.random())
        #expect(use.take(.connection, of: tenant) && use.take(.connection, of: tenant))
        #expect(!use.take(.connection, of: tenant) && !use.hasRoom(for: [.connection], of: tenant))
        #expect(use.take(.connection, of: other))
        // These have no limit.
        #expect((0..<1_000).allSatisfy { _ in use.take(.subscription, of: tenant) })
        use.release(.connection, of: tenant)
        #expect(use.take(.connection, of: tenant))
    }
}
