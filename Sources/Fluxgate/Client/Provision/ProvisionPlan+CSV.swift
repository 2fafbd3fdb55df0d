internal import Model
package import NIOCore

extension ProvisionPlan {
    /// Reads rows under a header that names the columns `thing`, `channel` and `key`, in any order.
    ///
    /// Every thing and channel that is named is made once, and the two of a row are connected. A row may leave out one
    /// of them; a thing's key has to stand in one of its rows only.
    package init(csv bytes: ByteBuffer) throws(ProvisionFileError) {
        var reader = CSVReader(bytes)
        guard let header = try reader.next() else { throw ProvisionFileError("", "it is empty") }
        let columns = try Columns(header)
        var rows = Rows()
        while let record = try reader.next() { try rows.add(record, columns) }
        rows.plan.connections = .pairs(rows.pairs)
        self = try rows.plan.checked()
    }

    /// Where the columns are.
    private struct Columns {
        let count: Int
        private let places: [String: Int]

        init(_ header: CSVReader.Record) throws(ProvisionFileError) {
            let place = "line \(header.line)"
            var places: [String: Int] = [:]
            for (index, field) in header.fields.enumerated() {
                let name = field.lowercased()
                guard ["thing", "channel", "key"].contains(name) else {
                    throw ProvisionFileError(
                        place,
                        "the column '\(field)' is unknown; the first line names the columns thing, channel and key"
                    )
                }
                guard places.updateValue(index, forKey: name) == nil else {
                    throw ProvisionFileError(place, "the column '\(field)' stands there twice")
                }
            }
            guard places["key"] == nil || places["thing"] != nil else {
                throw ProvisionFileError(place, "there are keys, but no column 'thing'")
            }
            self.places = places
            self.count = header.fields.count
        }

        func field(_ name: String, of record: CSVReader.Record) -> String {
            places[name].map { record.fields[$0] } ?? ""
        }
    }

    /// What the rows so far add up to.
    private struct Rows {
        var plan = ProvisionPlan()
        var pairs: [Pair] = []
        private var seen: Set<Pair> = []
        private var things: [String: Int] = [:]
        private var channels: [String: Int] = [:]

        mutating func add(_ record: CSVReader.Record, _ columns: Columns) throws(ProvisionFileError) {
            let place = "line \(record.line)"
            guard record.fields.count == columns.count else {
                throw ProvisionFileError(place, "\(record.fields.count) fields, but \(columns.count) columns")
            }
            let key = try ProvisionPlan.key(columns.field("key", of: record), at: place)
            let thing = try thing(columns.field("thing", of: record), key: key, at: place)
            let channel = try channel(columns.field("channel", of: record), at: place)
            switch (thing, channel) {
            case (nil, nil): throw ProvisionFileError(place, "it names neither a thing nor a channel")
            case (let thing?, let channel?):
                let pair = Pair(thing: thing, channel: channel)
                if seen.insert(pair).inserted { pairs.append(pair) }
            case (_?, nil), (nil, _?): break
            }
        }

        private mutating func thing(
            _ text: String,
            key: ThingKey?,
            at place: String
        ) throws(ProvisionFileError) -> Int? {
            guard !text.isEmpty else {
                guard key == nil else { throw ProvisionFileError(place, "there is a key, but no thing") }
                return nil
            }
            let name = try ProvisionPlan.name(text, at: place)
            if let index = things[name] {
                if let key {
                    guard plan.things[index].key.map({ $0 == key }) ?? true else {
                        throw ProvisionFileError(place, "the thing '\(name)' has another key further up")
                    }
                    plan.things[index].key = key
                }
                return index
            }
            things[name] = plan.things.count
            plan.things.append(NewThing(name: name, key: key))
            return plan.things.count - 1
        }

        private mutating func channel(_ text: String, at place: String) throws(ProvisionFileError) -> Int? {
            guard !text.isEmpty else { return nil }
            let name = try ProvisionPlan.name(text, at: place)
            if let index = channels[name] { return index }
            channels[name] = plan.channels.count
            plan.channels.append(NewChannel(name: name))
            return plan.channels.count - 1
        }
    }
}
