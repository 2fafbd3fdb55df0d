import Messaging
import Model
import NIOCore
import Synchronization
import TestSupport
import Testing

@testable import AdapterTransport

/// A loop of a process that has a bus beside it, moved by the test.
private struct World {
    let bus = RecordingBus()
    let links: LoopLinks
    let loop: TestLoop
    let topic: Topic

    init() throws {
        links = LoopLinks(count: 1, bus: bus)
        loop = TestLoop(index: 0, links: links)
        links.connect([NIOLoopBound(loop.loop, eventLoop: loop.eventLoop)])
        topic = try Topic(channel: .random())
    }

    var interest: LoopInterest { loop.loop.interest }
}

@Suite struct BusLinkTests {
    @Test func whatIsPublishedGoesToTheBusInOneBatchATurn() throws {
        let world = try World()
        for number in 0..<3 { try world.loop.publish("\(number)", to: world.topic) }
        #expect(world.bus.batches.flatMap(\.self).map { String(buffer: $0.payload) } == ["0", "1", "2"])
    }

    @Test func withoutTheBusNothingIsPublished() throws {
        let world = try World()
        world.bus.link.isUp = false
        try world.loop.publish("x", to: world.topic)
        #expect(world.loop.published.messages.isEmpty && world.bus.batches.isEmpty)
        world.bus.link.isUp = true
        try world.loop.publish("y", to: world.topic)
        #expect(world.loop.published.payloads == ["y"])
    }

    @Test func publishersWaitForABusThatIsBehind() throws {
        let world = try World()
        world.bus.isStuck = true
        let text = String(repeating: "x", count: LoopLinks.limit / 2 + 1)
        try world.loop.publish(text, to: world.topic)
        #expect(!world.loop.loop.isCongested)
        try world.loop.publish(text, to: world.topic)
        #expect(world.loop.loop.isCongested)
        var resumed = false
        world.loop.loop.whenUncongested { resumed = true }
        world.bus.finish()
        world.loop.run()
        #expect(resumed && !world.loop.loop.isCongested)
    }

    @Test func whatTheBusBringsGoesToLoopsThatWantIt() throws {
        let world = try World()
        let (wanted, unwanted) = (
            try #require(makeMessage(on: world.topic)), try #require(makeMessage(on: Topic(channel: .random())))
        )
        world.interest.add(world.topic.channel)
        for message in [wanted, unwanted, wanted] { world.links.receive(message) }
        world.loop.run()
        #expect(world.loop.published.messages.count == 2)
        #expect(world.loop.published.messages.allSatisfy { $0.topic == world.topic })
        #expect(world.bus.batches.isEmpty, "what came from the bus doesn't go back")
    }

    @Test func aChannelIsJoinedOnceAndLeftWhenNobodyComesBack() throws {
        let world = try World()
        let channel = world.topic.channel
        world.interest.add(channel)
        world.interest.add(channel)
        #expect(world.bus.joined == [channel])
        world.interest.remove(channel)
        world.interest.remove(channel)
        world.loop.pass(1)
        #expect(world.bus.left.isEmpty, "whoever comes back soon finds all in place")
        world.loop.pass(1)
        #expect(world.bus.left == [channel])
        world.interest.add(channel)
        #expect(world.bus.joined == [channel, channel])
    }

    @Test func whoComesBackInTimeKeepsTheChannel() throws {
        let world = try World()
        let channel = world.topic.channel
        world.interest.add(channel)
        world.interest.remove(channel)
        world.loop.pass(1)
        world.interest.add(channel)
        for _ in 0..<3 { world.loop.pass(1) }
        #expect(world.bus.left.isEmpty)
    }

    @Test func aSubscriberWaitsUntilTheBusKnowsOfIt() throws {
        let world = try World()
        var settled = 0
        world.interest.whenSettled { settled += 1 }
        #expect(settled == 1, "nothing was joined")
        world.interest.expect(world.topic.channel) { settled += 1 }
        world.loop.run()
        #expect(settled == 1)
        world.bus.settle()
        world.loop.run()
        #expect(settled == 2)
        world.interest.expect(world.topic.channel) { settled += 1 }
        #expect(settled == 3, "it is still joined")
    }
}
