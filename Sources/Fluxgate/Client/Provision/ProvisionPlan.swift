package import Model

/// What a file asks for: things, channels, and which of them to connect. Names tell the entries apart.
package struct ProvisionPlan: Sendable, Equatable {
    package struct NewThing: Sendable, Equatable {
        package var name: String
        package var key: ThingKey?
        package var metadata: JSONObject

        package init(name: String, key: ThingKey? = nil, metadata: JSONObject = [:]) {
            self.name = name
            self.key = key
            self.metadata = metadata
        }
    }

    package struct NewChannel: Sendable, Equatable {
        package var name: String
        package var metadata: JSONObject

        package init(name: String, metadata: JSONObject = [:]) {
            self.name = name
            self.metadata = metadata
        }
    }

    /// A thing and a channel, by their places in the lists.
    package struct Pair: Sendable, Hashable {
        package let thing: Int
        package let channel: Int

        package init(thing: Int, channel: Int) {
            self.thing = thing
            self.channel = channel
        }
    }

    package enum Connections: Sendable, Equatable {
        /// Every thing with every channel.
        case all
        /// Each pair once.
        case pairs([Pair])
    }

    package var things: [NewThing]
    package var channels: [NewChannel]
    package var connections: Connections

    package init(
        things: [NewThing] = [],
        channels: [NewChannel] = [],
        connections: Connections = .pairs([])
    ) {
        self.things = things
        self.channels = channels
        self.connections = connections
    }

    package var connectionCount: Int {
        switch connections {
        case .all: things.count * channels.count
        case .pairs(let pairs): pairs.count
        }
    }
}

/// What is wrong with a file, and where in it.
package struct ProvisionFileError: Error, Equatable {
    package let place: String
    package let problem: String

    package init(_ place: String, _ problem: String) {
        self.place = place
        self.problem = problem
    }
}

extension ProvisionPlan {
    /// The name, if things and channels may have it.
    static func name(_ text: String, at place: String) throws(ProvisionFileError) -> String {
        guard !text.isEmpty else { throw ProvisionFileError(place, "the name is empty") }
        guard text.utf8.count <= 1_024 else { throw ProvisionFileError(place, "the name is longer than 1,024 bytes") }
        guard !text.utf8.contains(0) else { throw ProvisionFileError(place, "the name holds U+0000") }
        return text
    }

    /// The key, if things may have it; none for an empty text. The key itself isn't in the error.
    static func key(_ text: String, at place: String) throws(ProvisionFileError) -> ThingKey? {
        if text.isEmpty { return nil }
        guard let key = ThingKey(text) else {
            throw ProvisionFileError(place, "a key is 8 to 256 printable ASCII characters without blanks")
        }
        return key
    }

    /// Refuses a plan in which two things have the same key: the server would, but perhaps after half of the work.
    func checked() throws(ProvisionFileError) -> Self {
        guard !things.isEmpty || !channels.isEmpty else {
            throw ProvisionFileError("", "there is nothing to make in it")
        }
        var owners: [ThingKey: String] = [:]
        for thing in things {
            guard let key = thing.key else { continue }
            if let other = owners.updateValue(thing.name, forKey: key) {
                throw ProvisionFileError("", "the things '\(other)' and '\(thing.name)' have the same key")
            }
        }
        return self
    }
}
