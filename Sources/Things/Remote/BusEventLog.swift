package import Logging
internal import Messaging
internal import Metrics
internal import Model
package import NATSBus
internal import NIOCore
package import ThingsCore

/// Tells the adapters, and whoever else reads the event log (contract section 5.4), what has changed: one JSON object an event
/// on `events.things`.
package struct BusEventLog: ThingsEventPublisher {
    private let connection: NATSConnection
    private let logger: Logger

    package init(_ connection: NATSConnection, logger: Logger) {
        self.connection = connection
        self.logger = logger
    }

    package func publish(_ events: [ThingsEvent]) async {
        for event in events {
            let text = ByteBuffer(string: event.json)
            do {
                try await connection.send(text, to: BusSubject.thingsEvents, trace: TraceContext.current?.child())
            } catch {
                Counter(label: "fluxgate_events_lost_total").increment()
                logger.error("event not sent", metadata: ["operation": "\(event.operation)", "reason": "\(error)"])
            }
        }
    }
}

extension ThingsEvent {
    /// As it stands in the event log.
    package var json: String {
        var members = fields.mapValues { JSONValue.string($0) }
        members["source"] = "things"
        members["operation"] = .string(operation)
        return JSONValue.object(members).text
    }
}
