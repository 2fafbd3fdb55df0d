import Model

/// The JSON file of `provision`, as it is written.
struct ProvisionDocument: Decodable {
    struct Thing: Decodable {
        let name: String
        let key: String?
        let metadata: JSONObject?
    }

    struct Channel: Decodable {
        let name: String
        let metadata: JSONObject?
    }

    struct Pair: Decodable {
        let thing: String
        let channel: String
    }

    enum Connect {
        case all
        case pairs([Pair])
    }

    let things: [Thing]?
    let channels: [Channel]?
    let connect: Connect?
}

extension ProvisionDocument {
    private enum CodingKeys: String, CodingKey, CaseIterable { case things, channels, connect }

    init(from decoder: any Decoder) throws {
        let members = try decoder.members(CodingKeys.self)
        things = try members.decodeIfPresent([Thing].self, forKey: .things)
        channels = try members.decodeIfPresent([Channel].self, forKey: .channels)
        connect = try members.decodeIfPresent(Connect.self, forKey: .connect)
    }
}

extension ProvisionDocument.Thing {
    private enum CodingKeys: String, CodingKey, CaseIterable { case name, key, metadata }

    init(from decoder: any Decoder) throws {
        let members = try decoder.members(CodingKeys.self)
        name = try members.decode(String.self, forKey: .name)
        key = try members.decodeIfPresent(String.self, forKey: .key)
        metadata = try members.decodeIfPresent(JSONObject.self, forKey: .metadata)
    }
}

extension ProvisionDocument.Channel {
    private enum CodingKeys: String, CodingKey, CaseIterable { case name, metadata }

    init(from decoder: any Decoder) throws {
        let members = try decoder.members(CodingKeys.self)
        name = try members.decode(String.self, forKey: .name)
        metadata = try members.decodeIfPresent(JSONObject.self, forKey: .metadata)
    }
}

extension ProvisionDocument.Pair {
    private enum CodingKeys: String, CodingKey, CaseIterable { case thing, channel }

    init(from decoder: any Decoder) throws {
        let members = try decoder.members(CodingKeys.self)
        thing = try members.decode(String.self, forKey: .thing)
        channel = try members.decode(String.self, forKey: .channel)
    }
}

extension ProvisionDocument.Connect: Decodable {
    init(from decoder: any Decoder) throws {
        if let text = try? decoder.singleValueContainer().decode(String.self) {
            guard text == "all" else {
                throw DecodingError.dataCorrupted(
                    .init(codingPath: decoder.codingPath, debugDescription: "it must be \"all\" or a list")
                )
            }
            self = .all
        } else {
            self = .pairs(try decoder.singleValueContainer().decode([ProvisionDocument.Pair].self))
        }
    }
}

/// The name of a member, whichever.
private struct AnyName: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue _: Int) { nil }
}

extension Decoder {
    /// The members of an object that has no others than these: a slip of the pen would otherwise go unseen.
    fileprivate func members<Name: CodingKey & CaseIterable>(
        _ names: Name.Type
    ) throws -> KeyedDecodingContainer<Name> {
        let known = Set(names.allCases.map(\.stringValue))
        if let unknown = try container(keyedBy: AnyName.self).allKeys.first(where: { !known.contains($0.stringValue) })
        {
            throw DecodingError.dataCorrupted(
                .init(codingPath: codingPath, debugDescription: "'\(unknown.stringValue)' means nothing here")
            )
        }
        return try container(keyedBy: names)
    }
}
