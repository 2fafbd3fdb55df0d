internal import FoundationEssentials
internal import Model
package import NIOCore

extension ProvisionPlan {
    /// Reads `{"things":[{"name","key"?,"metadata"?}…],"channels":[{"name","metadata"?}…],"connect":[{"thing","channel"}…]}`,
    /// where `connect` may also be `"all"`; each member may be left out.
    package init(json bytes: ByteBuffer) throws(ProvisionFileError) {
        let document: ProvisionDocument
        do {
            document = try JSONDecoder().decode(ProvisionDocument.self, from: Data(bytes.readableBytesView))
        } catch let error as DecodingError {
            throw ProvisionFileError(error)
        } catch {
            throw ProvisionFileError("", "it is no JSON")
        }
        self = try Self(document).checked()
    }

    private init(_ document: ProvisionDocument) throws(ProvisionFileError) {
        self.init()
        var thingPlaces: [String: Int] = [:]
        for (index, entry) in (document.things ?? []).enumerated() {
            let place = "things[\(index)]"
            let name = try Self.name(entry.name, at: place)
            guard thingPlaces.updateValue(index, forKey: name) == nil else {
                throw ProvisionFileError(place, "there are two things called '\(name)'")
            }
            let key = try Self.key(entry.key ?? "", at: place)
            things.append(NewThing(name: name, key: key, metadata: entry.metadata ?? [:]))
        }
        var channelPlaces: [String: Int] = [:]
        for (index, entry) in (document.channels ?? []).enumerated() {
            let place = "channels[\(index)]"
            let name = try Self.name(entry.name, at: place)
            guard channelPlaces.updateValue(index, forKey: name) == nil else {
                throw ProvisionFileError(place, "there are two channels called '\(name)'")
            }
            channels.append(NewChannel(name: name, metadata: entry.metadata ?? [:]))
        }
        connections = try Self.connections(document.connect, things: thingPlaces, channels: channelPlaces)
    }

    private static func connections(
        _ entries: ProvisionDocument.Connect?,
        things: [String: Int],
        channels: [String: Int]
    ) throws(ProvisionFileError) -> Connections {
        guard case .pairs(let entries) = entries ?? .pairs([]) else { return .all }
        var seen: Set<Pair> = []
        var pairs: [Pair] = []
        for (index, entry) in entries.enumerated() {
            let place = "connect[\(index)]"
            guard let thing = things[entry.thing] else {
                throw ProvisionFileError(place, "there is no thing called '\(entry.thing)' in this file")
            }
            guard let channel = channels[entry.channel] else {
                throw ProvisionFileError(place, "there is no channel called '\(entry.channel)' in this file")
            }
            let pair = Pair(thing: thing, channel: channel)
            if seen.insert(pair).inserted { pairs.append(pair) }
        }
        return .pairs(pairs)
    }
}

extension ProvisionFileError {
    fileprivate init(_ error: DecodingError) {
        switch error {
        case .keyNotFound(let key, let context):
            self.init(Self.place(context.codingPath), "'\(key.stringValue)' is missing")
        case .valueNotFound(_, let context), .typeMismatch(_, let context):
            self.init(Self.place(context.codingPath), "it is of the wrong type")
        case .dataCorrupted(let context) where context.codingPath.isEmpty && context.underlyingError != nil:
            self.init("", "it is no JSON")
        case .dataCorrupted(let context):
            self.init(Self.place(context.codingPath), context.debugDescription)
        @unknown default:
            self.init("", "it is no such JSON")
        }
    }

    /// `things[3].name`
    private static func place(_ path: [any CodingKey]) -> String {
        path.reduce(into: "") { place, key in
            if let index = key.intValue {
                place += "[\(index)]"
            } else {
                place += (place.isEmpty ? "" : ".") + key.stringValue
            }
        }
    }
}
