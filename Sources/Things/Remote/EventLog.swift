package import Logging
internal import Metrics
internal import Model
package import NATSBus
internal import NIOCore
package import ThingsCore

/// Tells the adapters, and whoever else reads the event log (contract section 5.4), what has changed: one JSON object an event
/// on `events.things`.
package struct EventLog: ThingsEventPublisher {
    package static let subject = "events.things"

    private let connection: NATSConnection
    private let logger: Logger

    package init(_ connection: NATSConnection, logger: Logger) {
        self.connection = connection
        self.logger = logger
    }

    package func publish(_ events: [ThingsEvent]) async {
        for event in events {
            var members = event.fields.mapValues { JSONValue.string($0) }
            members["source"] = "things"
            members["operation"] = .string(event.operation)
            let text = ByteBuffer(string: JSONValue.object(members).text)
            do throws(NATSError) {
                try connection.publish(
                    text.readableBytesView,
                    to: Self.subject,
                    trace: TraceContext.current?.child()
                )
            } catch {
                Counter(label: "fluxgate_events_lost_total").increment()
                logger.error("event not sent", metadata: ["operation": "\(event.operation)", "reason": "\(error)"])
            }
        }
    }
}
