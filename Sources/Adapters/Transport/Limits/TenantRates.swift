package import Bootstrap
internal import Model
internal import Synchronization

/// The rates of all tenants, shared by the loops of a process. A loop draws a hundredth of a second's worth at a time, so that it locks this
/// at most a hundred times a second for a tenant.
package final class TenantRates: Sendable {
    /// Tenants that are remembered before idle ones are forgotten.
    private static let capacity = 16_384

    fileprivate let portion: (messages: Int, bytes: Int)
    private let fresh: RateMeter
    private let meters = Mutex<[Tenant.ID: RateMeter]>([:])

    /// Nil if nothing is limited.
    package init?(_ rate: LimitSettings.Rate) {
        guard let meter = RateMeter(rate) else { return nil }
        fresh = meter
        portion = (max(1, (rate.messages ?? .max) / 100), max(1, (rate.bytes ?? .max) / 100))
    }

    /// Charges the tenant. Answers how many nanoseconds it has to wait before it sends more.
    fileprivate func draw(_ messages: Int, _ bytes: Int, of tenant: Tenant.ID, at now: UInt64) -> UInt64 {
        meters.withLock { meters in
            if meters.count >= Self.capacity { meters = meters.filter { !$0.value.isIdle(at: now) } }
            meters[tenant, default: fresh].charge(messages: messages, bytes: bytes, at: now)
            return meters[tenant, default: fresh].wait(at: now)
        }
    }
}

/// What one loop has drawn of its tenants' rates. Confined to it.
package struct TenantCredits {
    private static let capacity = 4_096

    private struct Credit {
        var messages = 0
        var bytes = 0
        /// The loop's clock until which the tenant has to wait.
        var waitsUntil: UInt64 = 0
    }

    private let rates: TenantRates
    private var credits: [Tenant.ID: Credit] = [:]

    init(_ rates: TenantRates) { self.rates = rates }

    mutating func charge(_ bytes: Int, of tenant: Tenant.ID, at now: UInt64) {
        if credits.count >= Self.capacity { credits = credits.filter { $0.value.waitsUntil > now } }
        var credit = credits[tenant, default: Credit()]
        credit.messages -= 1
        credit.bytes -= bytes
        if credit.messages < 0 || credit.bytes < 0 {
            // Only what has run out: what isn't limited never does.
            let messages = credit.messages < 0 ? rates.portion.messages : 0
            let bytes = credit.bytes < 0 ? max(rates.portion.bytes, -credit.bytes) : 0
            credit.waitsUntil = now + rates.draw(messages, bytes, of: tenant, at: now)
            credit.messages += messages
            credit.bytes += bytes
        }
        credits[tenant] = credit
    }

    /// Nanoseconds until more may come.
    func wait(of tenant: Tenant.ID, at now: UInt64) -> UInt64 {
        guard let until = credits[tenant]?.waitsUntil, until > now else { return 0 }
        return until - now
    }
}
