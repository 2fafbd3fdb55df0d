package import AdapterTransport
package import Logging
package import Messaging
internal import Metrics
package import Model
package import NATSBus
internal import Synchronization

/// Takes rights away as the things service's event log says (`events.things`, contract section 5.4): what is cached is dropped
/// and what is live is ended before the next event is looked at. Who has seen every event knows that no right was taken
/// otherwise, and asks less (``EventChain``).
package struct AccessEvents {
    /// How long a heartbeat, which comes every second, counts at most.
    private static let longestLease = Duration.seconds(3)

    /// Listens from now on.
    ///
    /// - Parameters:
    ///   - connection: with a thread for this subscription alone, which waits for the loops.
    ///   - ages: a heartbeat makes nothing older than what is used without one.
    ///   - taken: called for each right that is taken, when the loops have seen to it.
    package init(
        _ connection: NATSConnection,
        loops: AdapterLoops,
        ages: AccessAges,
        logger: Logger,
        taken: @escaping @Sendable (AccessEvent) -> Void = { _ in }
    ) {
        let lease = min(Self.longestLease, .nanoseconds(Int64(clamping: ages.unleased)))
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
                taken(event)
                TraceContext.$current.withValue(message.trace) {
                    logger.debug("right taken", metadata: ["event": "\(event)"])
                }
            }
            if !chain.withLock({ $0.follows(entry.place) }) {
                gaps.increment()
                logger.warning("events missed: every right in use is asked for again")
                loops.distrustDecisions()
            }
            if case .heartbeat = entry.place { loops.extendLeases(by: lease) }
        }
        connection.subscribe(.init(BusSubject.thingsEvents), receiver)
    }
}
