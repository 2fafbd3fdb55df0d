/// Cuts the connections of a plan into requests, each of which connects every thing it names with every channel it names.
package struct ConnectBatches: Sequence, IteratorProtocol, Sendable {
    /// Things and channels, by their places in the plan.
    package struct Batch: Sendable, Equatable {
        package let things: [Int]
        package let channels: [Int]

        package var count: Int { things.count * channels.count }
    }

    private let limit: Int
    private var groups: ArraySlice<Batch>
    private var thingOffset = 0
    private var channelOffset = 0

    /// - Parameter limit: most connections of a request.
    package init(_ plan: ProvisionPlan, limit: Int = 1_000) {
        self.limit = Swift.max(1, limit)
        self.groups = Self.groups(of: plan)[...]
    }

    package mutating func next() -> Batch? {
        guard let group = groups.first else { return nil }
        let (thingCount, channelCount) = sides(of: group)
        let batch = Batch(
            things: Array(group.things.dropFirst(thingOffset).prefix(thingCount)),
            channels: Array(group.channels.dropFirst(channelOffset).prefix(channelCount))
        )
        channelOffset += channelCount
        if channelOffset >= group.channels.count {
            channelOffset = 0
            thingOffset += thingCount
        }
        if thingOffset >= group.things.count {
            thingOffset = 0
            groups.removeFirst()
        }
        return batch
    }

    /// How many things and channels a request takes from a group: as near to a square as it can be, because that needs the
    /// fewest ids for so many connections.
    private func sides(of group: Batch) -> (things: Int, channels: Int) {
        let root = Swift.max(1, Int(Double(limit).squareRoot()))
        let channels = Swift.min(group.channels.count, Swift.max(root, limit / group.things.count))
        return (Swift.max(1, limit / channels), channels)
    }

    /// Connections that can be made together, none twice, none empty.
    private static func groups(of plan: ProvisionPlan) -> [Batch] {
        switch plan.connections {
        case .all:
            guard !plan.things.isEmpty, !plan.channels.isEmpty else { return [] }
            return [Batch(things: Array(plan.things.indices), channels: Array(plan.channels.indices))]
        case .pairs(let pairs):
            let byThing = grouped(pairs, by: \.thing, \.channel).map { Batch(things: $1, channels: $0) }
            let byChannel = grouped(pairs, by: \.channel, \.thing).map { Batch(things: $0, channels: $1) }
            return byThing.count < byChannel.count ? byThing : byChannel
        }
    }

    /// The sets of partners that occur, each with everything that has exactly these.
    private static func grouped(
        _ pairs: [ProvisionPlan.Pair],
        by one: (ProvisionPlan.Pair) -> Int,
        _ other: (ProvisionPlan.Pair) -> Int
    ) -> [(partners: [Int], members: [Int])] {
        var partners: [Int: [Int]] = [:]
        for pair in pairs { partners[one(pair), default: []].append(other(pair)) }
        var members: [[Int]: [Int]] = [:]
        for member in partners.keys.sorted() {
            members[partners[member, default: []].sorted(), default: []].append(member)
        }
        return members.map { ($0.key, $0.value) }.sorted { $0.members.lexicographicallyPrecedes($1.members) }
    }
}
