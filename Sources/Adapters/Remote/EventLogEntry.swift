internal import Messaging
package import Model
package import NIOCore

/// One JSON object of the event log on `events.things`.
package struct EventLogEntry: Equatable {
    /// Where it stands in the log.
    package enum Place: Equatable, Sendable {
        /// The event of this number, told after the other.
        case event(Int64, after: Int64)
        /// Whatever was committed before has been told, by this event last.
        case heartbeat(Int64)
        /// The sender doesn't number its events.
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
            guard case .integer(let number)? = members["number"] else { return nil }
            (place, taken) = (.heartbeat(number), nil)
            return
        }
        switch (members["number"], members["after"]) {
        case (.integer(let number)?, .integer(let before)?): place = .event(number, after: before)
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
    /// The number of the newest event that was told.
    private var newest: Int64?

    package init() {}

    /// Whether nothing was told between the last entry and this one. The first one has nothing before it.
    package mutating func follows(_ place: EventLogEntry.Place) -> Bool {
        switch place {
        case .unknown: return true
        case .event(let number, let before):
            defer { newest = number }
            return newest == nil || newest == before
        case .heartbeat(let number):
            defer { newest = number }
            return newest == nil || newest == number
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
