package import Bootstrap
package import Model
internal import Synchronization

/// What each tenant has of this process, and whether it may have more. Asked when a client logs in or subscribes, not for messages;
/// what isn't limited isn't counted.
package final class TenantUse: Sendable {
    package enum Item: Sendable { case connection, subscription }

    private struct Use {
        var connections = 0
        var subscriptions = 0

        subscript(item: Item) -> Int {
            get { item == .connection ? connections : subscriptions }
            set { if item == .connection { connections = newValue } else { subscriptions = newValue } }
        }
    }

    private let limits: LimitSettings
    private let tenants = Mutex<[Tenant.ID: Use]>([:])

    package init(_ limits: LimitSettings) { self.limits = limits }

    /// Takes one more, if the tenant may have it; undone by ``release(_:of:)``.
    ///
    /// - Parameter inPlaceOfAnother: one is about to be released for it.
    package func take(_ item: Item, of tenant: Tenant.ID, inPlaceOfAnother: Bool = false) -> Bool {
        guard let limit = limit(of: item) else { return true }
        return tenants.withLock { tenants in
            guard inPlaceOfAnother || tenants[tenant, default: Use()][item] < limit else { return false }
            tenants[tenant, default: Use()][item] += 1
            return true
        }
    }

    package func release(_ item: Item, of tenant: Tenant.ID) {
        guard limit(of: item) != nil else { return }
        tenants.withLock { tenants in
            tenants[tenant]?[item] -= 1
            if let use = tenants[tenant], use.connections <= 0, use.subscriptions <= 0 { tenants[tenant] = nil }
        }
    }

    /// Whether there is room for one of each; that may have changed when it is taken.
    package func hasRoom(for items: [Item], of tenant: Tenant.ID) -> Bool {
        items.allSatisfy { item in
            guard let limit = limit(of: item) else { return true }
            return tenants.withLock { $0[tenant, default: Use()][item] < limit }
        }
    }

    private func limit(of item: Item) -> Int? {
        switch item {
        case .connection: limits.tenantConnections
        case .subscription: limits.tenantSubscriptions
        }
    }
}
