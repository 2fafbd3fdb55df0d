import Messaging
import Model
import NIOCore
import Testing

@Suite struct MessageTests {
    private func grant(_ channel: ChannelID) throws -> (ChannelGrant, AccessTable) {
        let identity = ThingIdentity(thing: .random(), tenant: .random())
        let asked = AskedTable()
        return (try #require(asked.grant(identity, channel)), asked.table)
    }

    private func request(_ channel: ChannelID) throws -> PublishRequest {
        PublishRequest(
            topic: try Topic(channel: channel),
            payload: ByteBuffer(string: "p"),
            source: .mqtt,
            qos: 2,
            origin: 7
        )
    }

    @Test func aMessageCarriesTheRequestAndWhoMadeIt() throws {
        let channel = ChannelID.random()
        let (grant, _) = try grant(channel)
        let message = try #require(Message(try request(channel), by: grant, at: 42))

        #expect(message.publisher == grant.identity.thing)
        #expect(message.payload == ByteBuffer(string: "p"))
        #expect(message.created == 42 && message.qos == 2 && message.origin == 7 && message.source == .mqtt)
    }

    @Test func aGrantForAnotherChannelMakesNoMessage() throws {
        let (grant, _) = try grant(.random())

        #expect(try Message(request(.random()), by: grant, at: 0) == nil)
    }

    @Test func aDeadGrantMakesNoMessage() throws {
        let channel = ChannelID.random()
        let (grant, table) = try grant(channel)
        table.apply(.disconnected(grant.identity.thing, channel))

        #expect(try Message(request(channel), by: grant, at: 0) == nil)
    }
}

@Suite struct InterestFilterTests {
    @Test func aLoopIsInterestedWhileItHasSubscribers() {
        let filter = InterestFilter(loops: 3)
        let channel = ChannelID.random()

        #expect(!filter.isInterested(loop: 1, in: channel))
        filter.add(channel, loop: 1)
        filter.add(channel, loop: 1)
        filter.remove(channel, loop: 1)
        #expect(filter.isInterested(loop: 1, in: channel))
        #expect(!filter.isInterested(loop: 0, in: channel) && !filter.isInterested(loop: 2, in: channel))
        filter.remove(channel, loop: 1)
        #expect(!filter.isInterested(loop: 1, in: channel))
    }

    @Test func anyChannelHasItsPlace() {
        let filter = InterestFilter(loops: 2)
        let channels =
            (0..<10_000).map { _ in ChannelID.random() }
            + [0, .max].flatMap { high in
                [0, .max].map { ChannelID(UniqueID(high: high, low: $0)) }
            }
        for channel in channels { filter.add(channel, loop: 1) }

        #expect(channels.allSatisfy { filter.isInterested(loop: 1, in: $0) && !filter.isInterested(loop: 0, in: $0) })
        for channel in channels { filter.remove(channel, loop: 1) }
        #expect(!channels.contains { filter.isInterested(loop: 1, in: $0) })
    }

    @Test func channelsAreSpreadOverTheTable() {
        let filter = InterestFilter(loops: 1)
        for _ in 0..<100 { filter.add(.random(), loop: 0) }
        let hits = (0..<10_000).count { _ in filter.isInterested(loop: 0, in: .random()) }

        // A hundred channels fill about 2.4 % of the table.
        #expect(hits < 1_000)
    }
}
