package import Model

/// How fast one connection may publish: by its own rate, and by that of its tenant.
package struct PublishPace {
    private var own: RateMeter?
    private let loop: AdapterLoop
    /// False: there is nothing to measure.
    package let isLimited: Bool

    package init(on loop: AdapterLoop) {
        self.loop = loop
        own = loop.connectionRate
        isLimited = own != nil || loop.tenantCredits != nil
    }

    /// Nanoseconds until the next message may come.
    package func wait(of tenant: Tenant.ID, at now: UInt64) -> UInt64 {
        max(own?.wait(at: now) ?? 0, loop.tenantCredits?.wait(of: tenant, at: now) ?? 0)
    }

    /// Counts a message. Answers how many nanoseconds the connection had better not be read from.
    package mutating func charge(_ bytes: Int, of tenant: Tenant.ID, at now: UInt64) -> UInt64 {
        own?.charge(messages: 1, bytes: bytes, at: now)
        loop.tenantCredits?.charge(bytes, of: tenant, at: now)
        return wait(of: tenant, at: now)
    }
}
