package import AdapterTransport
package import Logging
internal import Messaging
internal import Metrics
internal import Model
package import NATSBus
internal import Synchronization

/// Takes rights away as the things service's event log says (`events.things`, contract section 5.4): what is cached is dropped
/// and what is live is ended before the next event is looked at. Who has seen every event knows that no right was taken
/// otherwise, and asks less (``EventChain``).
package struct AccessEvents {
    /// How long a heartbeat, which comes every second, counts.
    private static let lease = Duration.seconds(3)

    /// Listens from now on.
    ///
    /// - Parameter connection: with a thread for this subscription alone, which waits for the loops.
    package init(_ connection: NATSConnection, loops: AdapterLoops, logger: Logger) {
        let chain = Mutex(EventChain())
        let (malformed, gaps) = (
            Counter(label: "fluxgate_events_malformed_total"), Counter(label: "fluxgate_events_gaps_total"),
        )
        let receiver = NATSReceiver { message in
            guard let entry = EventLogEntry(message.payload) else {
                malformed.increment()
                return logger.warning("not an event", metadata: ["subject": "\(message.subject)"])
            }
            if let event = entry.taken {
                loops.applyAndWait([event])
                TraceContext.$current.withValue(message.trace) {
                    logger.debug("right taken", metadata: ["event": "\(event)"])
                }
            }
            if !chain.withLock({ $0.follows(entry.place) }) {
                gaps.increment()
                logger.warning("events missed: every right in use is asked for again")
                loops.distrustDecisions()
            }
            if case .heartbeat = entry.place { loops.extendLeases(by: Self.lease) }
        }
        connection.subscribe(.init(BusSubject.thingsEvents), receiver)
    }
}
