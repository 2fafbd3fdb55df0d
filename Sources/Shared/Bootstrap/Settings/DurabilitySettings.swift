internal import Model

/// Whether messages outlive the programs.
package enum MessageDurability: String, CaseIterable, Sendable {
    /// Handed on, and lost if whoever has them crashes.
    case memory
    /// Acknowledged only when they are on disk.
    case disk
}

/// How messages are kept.
package struct DurabilitySettings: Sendable {
    package let durability: MessageDurability
    /// The JetStream stream.
    package let stream: String
    /// What is kept at most; the oldest goes first.
    package let maximumBytes: Int
    package let maximumAge: Duration

    package init(_ variables: Variables) throws(ConfigurationError) {
        durability = try variables.choice("MF_MESSAGE_DURABILITY", default: .memory)
        stream = variables.string("MF_MESSAGE_STREAM", default: "fluxgate-messages")
        let isName = stream.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && !"*>./\\".utf8.contains($0) }
        guard isName, (1...255).contains(stream.utf8.count) else {
            throw ConfigurationError("MF_MESSAGE_STREAM", stream, "a stream's name without blanks, dots and wildcards")
        }
        maximumBytes = try variables.integer("MF_MESSAGE_STORE_BYTES", default: 1 << 30, in: (1 << 20)...(1 << 50))
        maximumAge = try variables.duration("MF_MESSAGE_STORE_AGE", default: "24h")
    }
}
