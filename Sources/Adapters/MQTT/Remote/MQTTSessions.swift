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

    private let bucket: KeyValueBucket?
    private let sessions: SessionBucket?

    /// - Parameter log: nil: messages aren't stored.
    package init(_ connection: NATSConnection, log: StreamLog?, _ settings: MQTTAdapterSettings, logger: Logger) {
        let announcements = ClientAnnouncements(connection)
        let registry = ClientRegistry { announcements.announce($0, isClean: $1) }
        announcements.follow(registry)
        self.registry = registry
        let expiry = settings.longestSession
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

    package var outage: String? { bucket?.outage }

    package func watch() async {
        guard let bucket else {
            while (try? await Task.sleep(for: .seconds(3_600))) != nil {}
            return
        }
        await bucket.watch()
    }

    package func apply(_ event: AccessEvent) { sessions?.apply(event) }

    package func close() { sessions?.close(within: .seconds(3)) }
}
