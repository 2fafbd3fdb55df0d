internal import Bootstrap

/// What the loops of a process know of limits.
struct LoopLimits: Sendable {
    let tenants: TenantUse
    let tenantRates: TenantRates?
    let connectionRate: RateMeter?

    init(_ settings: LimitSettings = LimitSettings()) {
        tenants = TenantUse(settings)
        tenantRates = TenantRates(settings.tenantRate)
        connectionRate = RateMeter(settings.connectionRate)
    }
}
