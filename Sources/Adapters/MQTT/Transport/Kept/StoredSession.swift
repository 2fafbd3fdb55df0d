internal import MQTTSession
package import Messaging
package import Model

/// The form in which a session is stored.
package struct StoredSession: Codable, Sendable {
    private struct Subscription: Codable {
        let filter: String
        let isShared: Bool?
        let qos: UInt8
        let noLocal: Bool
        let retainAsPublished: Bool
        let identifier: UInt32?
        let from: UInt64
        let retained: RetainedRange?
    }

    private let origin: UInt64
    private let expiry: UInt32
    private let subscriptions: [Subscription]
    private let session: KeptSession
    private let place: UInt64?

    package init(_ record: SessionRecord) {
        origin = record.origin
        expiry = record.expiry
        session = record.session
        place = record.place
        subscriptions = record.subscriptions.map {
            Subscription(
                filter: $0.text,
                isShared: $0.share == nil ? nil : true,
                qos: $0.qos,
                noLocal: $0.noLocal,
                retainAsPublished: $0.retainAsPublished,
                identifier: $0.identifier,
                from: $0.from,
                retained: $0.retained
            )
        }
    }

    /// - Parameter topics: filters that aren't any of these are left out.
    package func record(of client: MQTTClient, _ tenant: Tenant.ID, _ topics: MQTTTopics) -> SessionRecord {
        var record = SessionRecord(client: client, tenant: tenant, origin: origin, session: session, expiry: expiry)
        record.place = place ?? 0
        record.subscriptions = subscriptions.compactMap { stored in
            guard let found = try? SharedFilter(stored.filter, in: topics, mayShare: stored.isShared ?? false) else {
                return nil
            }
            var kept = KeptSubscription(
                filter: found.filter,
                share: found.share,
                text: stored.filter,
                qos: stored.qos,
                noLocal: stored.noLocal,
                retainAsPublished: stored.retainAsPublished,
                identifier: stored.identifier,
                from: stored.from
            )
            kept.retained = stored.retained
            return kept
        }
        return record
    }
}
