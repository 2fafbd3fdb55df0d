package import Model

/// What an owner says about a thing or a channel: a name of at most 1024 bytes, and any JSON object.
package struct Details: Sendable, Equatable {
    package static let maximumNameBytes = 1024

    package let name: String
    package let metadata: JSONObject

    /// Throws ``ThingsError/malformed(_:)`` for a name that is too long, and for U+0000, which PostgreSQL can't keep.
    package init(name: String = "", metadata: JSONObject = [:]) throws(ThingsError) {
        guard name.utf8.count <= Self.maximumNameBytes else {
            throw .malformed("'name' is longer than \(Self.maximumNameBytes) bytes")
        }
        guard !name.hasZeroCharacter else { throw .malformed("'name' holds U+0000") }
        guard !JSONValue.object(metadata).hasZeroCharacter else { throw .malformed("'metadata' holds U+0000") }
        self.name = name
        self.metadata = metadata
    }
}

extension String {
    var hasZeroCharacter: Bool { utf8.contains(0) }
}

extension JSONValue {
    var hasZeroCharacter: Bool {
        switch self {
        case .string(let text): text.hasZeroCharacter
        case .array(let elements): elements.contains { $0.hasZeroCharacter }
        case .object(let members): members.contains { $0.key.hasZeroCharacter || $0.value.hasZeroCharacter }
        case .null, .bool, .integer, .double: false
        }
    }
}
