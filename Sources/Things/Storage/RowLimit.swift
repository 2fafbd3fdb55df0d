internal import Metrics
internal import Model
internal import SQL
internal import ThingsCore

/// The most rows that a tenant may have in one table.
struct RowLimit: Sendable {
    private let owned: Owned
    private let maximum: Int

    /// Nil without a limit.
    init?(_ owned: Owned, _ maximum: Int?) {
        guard let maximum else { return nil }
        self.owned = owned
        self.maximum = maximum
    }

    /// Who adds rows holds it. Serializable transactions would be exact without it, but every two at once would be in each
    /// other's way, and many would give up.
    func lock(for tenant: Tenant.ID) -> DatabaseLock {
        DatabaseLock(Int64(bitPattern: tenant.value.high ^ tenant.value.low))
    }

    /// Throws ``ThingsError/limitReached(_:_:)`` if there is no room beside those that exist.
    func admit(_ added: Int, beside existing: Int) throws(ThingsError) {
        guard existing <= maximum - added else {
            Counter(label: "fluxgate_limited_total", dimensions: [("limit", "tenant_\(owned)")]).increment()
            throw .limitReached(owned, maximum)
        }
    }
}
