internal import FoundationEssentials
internal import Model

/// How what was made is shown.
package enum ProvisionReport {
    private static let longestName = 40

    /// Columns to read; long lists are handed over in pieces.
    package static func table(_ made: Provisioned, write: (String) throws -> Void) throws {
        let names = made.things.map(\.name.plain) + made.channels.map(\.name.plain)
        let width = names.reduce(7) { max($0, min(longestName, $1.count)) }
        let idWidth = 36
        var text = ""
        func row(_ columns: String...) throws {
            text += columns.joined(separator: "  ") + "\n"
            guard text.utf8.count > 65_536 else { return }
            try write(text)
            text = ""
        }
        if !made.things.isEmpty {
            try row("THING".padded(to: width), "ID".padded(to: idWidth), "KEY")
            for thing in made.things {
                try row(thing.name.plain.padded(to: width), "\(thing.id)", thing.key.secret.revealed)
            }
        }
        if !made.channels.isEmpty {
            if !made.things.isEmpty { text += "\n" }
            try row("CHANNEL".padded(to: width), "ID")
            for channel in made.channels { try row(channel.name.plain.padded(to: width), "\(channel.id)") }
        }
        try write(text)
    }

    /// One JSON object: `{"channels":[{"id","name"}…],"connections":N,"things":[{"id","key","name"}…]}`.
    package static func json(_ made: Provisioned) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(Document(made)), as: UTF8.self) + "\n"
    }

    private struct Document: Encodable {
        struct Row: Encodable {
            let id: String
            let name: String
            let key: String?
        }

        let things: [Row]
        let channels: [Row]
        let connections: Int

        init(_ made: Provisioned) {
            things = made.things.map { Row(id: "\($0.id)", name: $0.name, key: $0.key.secret.revealed) }
            channels = made.channels.map { Row(id: "\($0.id)", name: $0.name, key: nil) }
            connections = made.connections
        }
    }
}

extension String {
    fileprivate func padded(to width: Int) -> String {
        self + String(repeating: " ", count: Swift.max(0, width - count))
    }
}
