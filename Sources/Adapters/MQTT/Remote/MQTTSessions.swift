internal import AdapterBackend
package import Bootstrap
package import Logging
package import MQTTAdapter
package import Model
package import NATSBus

/// What the MQTT adapters that are programs of their own share: who is connected where, and the sessions that outlive connections if there
/// is a log for them.
package struct MQTTSessions: AdapterSessions {
    package let registry: ClientRegistry
    /// Nil if sessions end with their connections.
    package let keeping: SessionKeeping?
    package let retained: RetainedStream?
    /// Nil if there are no shared subscriptions.
    package let groups: StreamGroups?

    private let bucket: KeyValueBucket?
    private let sessions: SessionBucket?

    /// - Parameter log: nil: messages aren't stored.
    package init(_ connection: NATSConnection, log: StreamLog?, _ settings: MQTTAdapterSettings, logger: Logger) {
        let announcements = ClientAnnouncements(connection)
        let registry = ClientRegistry { announcements.announce($0, isClean: $1) }
        announcements.follow(registry)
        self.registry = registry
        retained = log.map { _ in
            RetainedStream(connection, maximumOfChannel: settings.maximumRetained, logger: logger)
        }
        let expiry = settings.longestSession
        groups = log.map { StreamGroups(connection, $0.stream, longestExpiry: expiry, logger: logger) }
        guard let log, expiry > 0 else {
            (keeping, bucket, sessions) = (nil, nil, nil)
            return
        }
        let bucket = KeyValueBucket(
            connection,
            name: "fluxgate-sessions",
            maximumAge: expiry == .max ? nil : .seconds(expiry) + Self.spare,
            logger: logger
        )
        let sessions = SessionBucket(
            bucket,
            log: log,
            on: connection,
            maximumOfThing: settings.maximumSessions,
            logger: logger
        ) { registry.end($0, isClean: nil) }
        keeping = SessionKeeping(store: sessions, log: log, maximumExpiry: expiry)
        (self.bucket, self.sessions) = (bucket, sessions)
    }

    /// How long what is kept of a connected client's session may be unchanged.
    private static let spare = Duration.seconds(7 * 86_400)

    package var outage: String? { bucket?.outage ?? retained?.outage ?? groups?.outage }

    package var watches: [@Sendable () async -> Void] {
        [bucket?.watch, retained?.watch, groups?.watch].compactMap(\.self)
    }

    package func apply(_ event: AccessEvent) {
        sessions?.apply(event)
        retained?.apply(event)
    }

    package func close() {
        sessions?.close(within: .seconds(3))
        groups?.close(within: .seconds(3))
    }
}
