package import AdapterTransport
package import Logging
internal import Messaging
internal import Metrics
package import Model
package import NATSBus
package import NIOCore

/// Takes rights away as the things service's event log says (`events.things`, contract section 5.4): what is cached is dropped
/// and what is live is ended before the next event is looked at.
package struct AccessEvents {
    /// Listens from now on.
    ///
    /// - Parameter connection: with a thread for this subscription alone, which waits for the loops.
    package init(_ connection: NATSConnection, loops: AdapterLoops, logger: Logger) {
        let malformed = Counter(label: "fluxgate_events_malformed_total")
        let receiver = NATSReceiver { message in
            switch AccessEvent.read(message.payload) {
            case .takes(let event):
                loops.applyAndWait([event])
                TraceContext.$current.withValue(message.trace) {
                    logger.debug("right taken", metadata: ["event": "\(event)"])
                }
            case .nothing: break
            case .malformed:
                malformed.increment()
                logger.warning("not an event", metadata: ["subject": "\(message.subject)"])
            }
        }
        connection.subscribe(.init(BusSubject.thingsEvents), receiver)
    }
}

extension AccessEvent {
    package enum Reading: Equatable {
        case takes(AccessEvent)
        /// A change that takes no right.
        case nothing
        case malformed
    }

    /// Reads one JSON object of the event log.
    package static func read(_ payload: ByteBuffer) -> Reading {
        guard case .object(let members)? = try? JSONValue(parsing: String(buffer: payload)),
            case .string(let operation)? = members["operation"]
        else { return .malformed }
        func id<Subject>(_ name: String) -> TypedID<Subject>? {
            guard case .string(let text)? = members[name] else { return nil }
            return TypedID(text)
        }
        let event: AccessEvent?
        switch operation {
        case "thing.remove": event = id("id").map { .thingRemoved($0) }
        case "thing.key": event = id("id").map { .keyChanged($0) }
        case "channel.remove": event = id("id").map { .channelRemoved($0) }
        case "tenant.remove": event = id("owner").map { .tenantRemoved($0) }
        case "thing.disconnect":
            let (thing, channel): (Thing.ID?, ChannelID?) = (id("thing_id"), id("chan_id"))
            event = thing.flatMap { thing in channel.map { AccessEvent.disconnected(thing, $0) } }
        default: return .nothing
        }
        return event.map { .takes($0) } ?? .malformed
    }
}
