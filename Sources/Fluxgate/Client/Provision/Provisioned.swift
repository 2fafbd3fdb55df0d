package import Model
internal import Synchronization

/// What provisioning has made so far.
package struct Provisioned: Sendable, Equatable {
    package struct MadeThing: Sendable, Equatable {
        package let id: Thing.ID
        package let name: String
        package let key: ThingKey

        package init(id: Thing.ID, name: String, key: ThingKey) {
            self.id = id
            self.name = name
            self.key = key
        }
    }

    package struct MadeChannel: Sendable, Equatable {
        package let id: Channel.ID
        package let name: String

        package init(id: Channel.ID, name: String) {
            self.id = id
            self.name = name
        }
    }

    package var things: [MadeThing] = []
    package var channels: [MadeChannel] = []
    package var connections = 0

    package init() {}

    package var isEmpty: Bool { things.isEmpty && channels.isEmpty && connections == 0 }
    package var count: Int { things.count + channels.count + connections }

    /// `2 things, 1 channel, 2 connections`
    package var summary: String {
        [(things.count, "thing"), (channels.count, "channel"), (connections, "connection")]
            .map { "\($0) \($1)\($0 == 1 ? "" : "s")" }
            .joined(separator: ", ")
    }
}

/// Keeps what has been made where it can be read when the work ends early.
package final class ProvisionRecord: Sendable {
    private let state = Mutex(Provisioned())

    package init() {}

    package var made: Provisioned { state.withLock { $0 } }

    func add(_ change: @Sendable (inout Provisioned) -> Void) -> Int {
        state.withLock { made in
            change(&made)
            return made.count
        }
    }
}
