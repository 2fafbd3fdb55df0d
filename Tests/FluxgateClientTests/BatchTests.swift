import FluxgateClient
import NIOCore
import Testing

@Suite struct BatchTests {
    private func batches(_ items: [String], count: Int, bytes: Int) throws -> [String] {
        var batches = BulkBatches(items, maximumCount: count, maximumBytes: bytes)
        var bodies: [String] = []
        while let batch = try batches.next() { bodies.append(String(buffer: batch.body)) }
        return bodies
    }

    @Test func aBulkRequestHasAtMostSoManyItems() throws {
        #expect(try batches(["a", "b", "c"], count: 2, bytes: 1_000) == [#"["a","b"]"#, #"["c"]"#])
        #expect(try batches(["a", "b"], count: 2, bytes: 1_000) == [#"["a","b"]"#])
        #expect(try batches([], count: 2, bytes: 1_000) == [])
    }

    @Test func aBulkRequestHasAtMostSoManyBytes() throws {
        let items = ["aaaa", "bbbb", "cccc"]

        #expect(try batches(items, count: 10, bytes: 15) == [#"["aaaa","bbbb"]"#, #"["cccc"]"#])
        #expect(try batches(items, count: 10, bytes: 14).count == 3)
    }

    @Test func anItemThatIsTooLongGoesAlone() throws {
        #expect(try batches(["a", "bbbbbbbbbb", "c"], count: 10, bytes: 8).count == 3)
    }

    @Test func theRangesCoverTheListInOrder() throws {
        var batches = BulkBatches(Array(0..<2_500))
        var next = 0
        while let batch = try batches.next() {
            #expect(batch.range.lowerBound == next)
            #expect(batch.range.count <= 1_000)
            next = batch.range.upperBound
        }
        #expect(next == 2_500)
    }

    @Test(arguments: [(1, 1), (1_000, 1), (1, 1_000), (999, 3), (40, 40), (50, 600), (3, 2_500)])
    func allConnectsEveryPairExactlyOnce(_ things: Int, channels: Int) {
        let plan = ProvisionPlan(
            things: (0..<things).map { .init(name: "t\($0)") },
            channels: (0..<channels).map { .init(name: "c\($0)") },
            connections: .all
        )
        let batches = Array(ConnectBatches(plan))

        #expect(batches.allSatisfy { $0.count <= 1_000 && $0.count > 0 })
        #expect(pairs(batches).count == things * channels)
        #expect(Set(pairs(batches)).count == things * channels)
        #expect(batches.count <= 2 * (things * channels / 1_000) + 2)
    }

    @Test func pairsAreConnectedExactlyOnce() {
        let wanted = (0..<5_000).map { ProvisionPlan.Pair(thing: $0 % 700, channel: $0 % 11) }
        var plan = plan(things: 700, channels: 11)
        plan.connections = .pairs(Array(Set(wanted)))
        let batches = Array(ConnectBatches(plan))

        #expect(batches.allSatisfy { $0.count <= 1_000 })
        #expect(pairs(batches).count == Set(wanted).count)
        #expect(Set(pairs(batches)) == Set(wanted))
    }

    @Test func thingsOfOneChannelAreConnectedTogether() {
        var plan = plan(things: 1_500, channels: 1)
        plan.connections = .pairs((0..<1_500).map { .init(thing: $0, channel: 0) })

        #expect(Array(ConnectBatches(plan)).map(\.count) == [1_000, 500])
    }

    @Test func nothingToConnectMakesNoRequest() {
        var plan = plan(things: 3, channels: 0)
        #expect(Array(ConnectBatches(plan)).isEmpty)
        plan.connections = .all
        #expect(Array(ConnectBatches(plan)).isEmpty)
    }

    private func plan(things: Int, channels: Int) -> ProvisionPlan {
        ProvisionPlan(
            things: (0..<things).map { .init(name: "t\($0)") },
            channels: (0..<channels).map { .init(name: "c\($0)") }
        )
    }

    private func pairs(_ batches: [ConnectBatches.Batch]) -> [ProvisionPlan.Pair] {
        batches.flatMap { batch in
            batch.things.flatMap { thing in batch.channels.map { .init(thing: thing, channel: $0) } }
        }
    }
}
