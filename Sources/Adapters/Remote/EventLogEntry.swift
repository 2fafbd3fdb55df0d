internal import Messaging
package import Model
package import NIOCore

/// One JSON object of the event log on `events.things`.
package struct EventLogEntry: Equatable {
    /// Where it stands in the log.
    package enum Place: Equatable, Sendable {
        /// The event of this position, told after the other.
        case event(Int64, after: Int64)
        /// Whatever was committed before has been told, by this event last.
        case heartbeat(Int64)
        /// The sender doesn't say.
        case unknown
    }

    package let place: Place
    /// The right that is taken, if one is.
    package let taken: AccessEvent?

    /// Nil if it isn't an entry.
    package init?(_ payload: ByteBuffer) {
        guard case .object(let members)? = try? JSONValue(parsing: String(buffer: payload)),
            case .string(let operation)? = members["operation"]
        else { return nil }
        if operation == "heartbeat" {
            guard case .integer(let position)? = members["position"] else { return nil }
            (place, taken) = (.heartbeat(position), nil)
            return
        }
        switch (members["position"], members["after"]) {
        case (.integer(let position)?, .integer(let before)?): place = .event(position, after: before)
        case (nil, nil): place = .unknown
        default: return nil
        }
        let reading = AccessEvent.Reading(operation, members)
        if case .malformed = reading { return nil }
        if case .takes(let event) = reading { taken = event } else { taken = nil }
    }
}

/// Tells whether an entry of the event log is missing.
package struct EventChain {
    /// The position of the newest event that was told.
    private var newest: Int64?

    package init() {}

    /// Whether nothing was told between the last entry and this one. The first one has nothing before it.
    package mutating func follows(_ place: EventLogEntry.Place) -> Bool {
        switch place {
        case .unknown: return true
        case .event(let position, let before):
            defer { newest = position }
            return newest == nil || newest == before
        case .heartbeat(let position):
            defer { newest = position }
            return newest == nil || newest == position
        }
    }
}

extension AccessEvent {
    fileprivate enum Reading {
        case takes(AccessEvent)
        /// A change that takes no right.
        case nothing
        case malformed

        init(_ operation: String, _ members: JSONObject) {
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
            default:
                self = .nothing
                return
            }
            self = event.map { .takes($0) } ?? .malformed
        }
    }
}
