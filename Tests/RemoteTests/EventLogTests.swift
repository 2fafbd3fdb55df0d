import AdaptersRemote
import Messaging
import Model
import NIOCore
import TestSupport
import Testing
import ThingsCore
import ThingsRemote

/// What the things service writes, the adapters read.
@Suite struct EventLogTests {
    private static let thing = Thing.ID(.random())
    private static let channel = Channel.ID(.random())
    private static let tenant = Tenant.ID(.random())
    private static let connection = Connection(thing: thing, channel: channel)

    @Test(arguments: [
        ThingsEvent.thingRemoved(thing), .thingKeyChanged(thing), .channelRemoved(channel), .disconnected(connection),
        .tenantRemoved(tenant),
    ])
    func whatTakesARightIsUnderstood(event: ThingsEvent) throws {
        let taken = try #require(event.accessEvent)
        let entry = try #require(EventLogEntry(ByteBuffer(string: event.text)))
        #expect(entry.taken == taken && entry.place == .unknown)
    }

    @Test func whatTakesNoneIsNothing() throws {
        let details = try Details(name: "a \"name\"", metadata: ["operation": "thing.remove"])
        for event in [
            ThingsEvent.thingCreated(Self.thing, owner: Self.tenant, details), .thingUpdated(Self.thing, details),
            .channelCreated(Self.channel, owner: Self.tenant, details), .channelUpdated(Self.channel, details),
            .connected(Self.connection),
        ] {
            let entry = try #require(EventLogEntry(ByteBuffer(string: event.text)))
            #expect(entry.taken == nil)
        }
    }

    @Test func placesInTheLogAreUnderstood() throws {
        let event = OutboxEvent(
            after: 10,
            members: ThingsEvent.thingRemoved(Self.thing).members,
            trace: nil
        )
        let entry = try #require(EventLogEntry(ByteBuffer(event.payload)))
        #expect(entry.place == .event(event.position, after: 10) && entry.taken == .thingRemoved(Self.thing))
        let round = OutboxRound(events: [event], newest: 12, isAll: true, began: .now)
        let heartbeat = try #require(EventLogEntry(ByteBuffer(round.heartbeat)))
        #expect(heartbeat.place == .heartbeat(12) && heartbeat.taken == nil)
    }

    private func follows(_ places: [EventLogEntry.Place]) -> [Bool] {
        var chain = EventChain()
        return places.map { chain.follows($0) }
    }

    @Test func whatIsMissingIsNoticed() {
        #expect(
            follows([
                .event(7, after: 5), .event(6, after: 7), .heartbeat(6), .unknown, .event(9, after: 8), .heartbeat(9),
                .heartbeat(10), .event(11, after: 10),
            ]) == [true, true, true, true, false, true, false, true]
        )
    }

    @Test(arguments: [
        "", "null", "[]", "{}", "{\"operation\":1}", "{\"operation\":\"thing.remove\"}",
        "{\"operation\":\"thing.remove\",\"id\":\"no id\"}", "{\"operation\":\"thing.remove\",\"id\":7}",
        "{\"operation\":\"heartbeat\"}", "{\"operation\":\"thing.update\",\"position\":7}",
        "{\"operation\":\"thing.disconnect\",\"thing_id\":\"0f6b2a1c-3d4e-4f50-8a9b-0c1d2e3f4a5b\"}",
    ])
    func whatIsNoEventIsSeen(text: String) {
        #expect(EventLogEntry(ByteBuffer(string: text)) == nil)
    }

    @Test func noInputIsTooBad() {
        var random = SeededGenerator(seed: 11)
        let whole = Array(ThingsEvent.disconnected(Self.connection).text.utf8)
        for _ in 0..<5_000 {
            var bytes = whole
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            _ = EventLogEntry(ByteBuffer(bytes: bytes.prefix(Int.random(in: 0...bytes.count, using: &random))))
        }
    }
}

@Suite struct AccountRemovalTests {
    @Test func whatOneServiceAsksTheOtherReads() {
        let removal = AccountRemoval(of: .random())
        #expect(AccountRemoval(json: removal.json) == removal)
    }

    @Test(arguments: ["", "{}", #"{"operation":"account.remove"}"#, #"{"operation":"account.remove","id":"x"}"#])
    func whatIsNoneIsSeen(text: String) {
        #expect(AccountRemoval(json: text) == nil)
    }
}

extension ThingsEvent {
    fileprivate var text: String { JSONValue.object(members).text }
}
