import Messaging
import Model
import TestSupport
import Testing

/// Who of a group gets what.
@Suite struct SharedQueueTests {
    private let topic: Topic
    private let filter: TopicFilter

    init() throws {
        topic = try Topic(channel: .random(), subtopic: Subtopic("a"))
        filter = TopicFilter(channel: topic.channel, subtopic: try SubtopicFilter(mqttStyle: "a"))
    }

    private func message(_ place: UInt64, on topic: Topic? = nil) throws -> Message {
        var message = try #require(makeMessage(on: topic ?? self.topic, payload: "\(place)"))
        message.place = place
        return message
    }

    private func page(_ places: ClosedRange<UInt64>, isLast: Bool = true) throws -> LogPage {
        LogPage(messages: try places.map { try message($0) }, end: places.upperBound, isLast: isLast)
    }

    private func places(_ given: [(number: UInt64, messages: [Message])]) -> [UInt64: [UInt64]] {
        Dictionary(uniqueKeysWithValues: given.map { ($0.number, $0.messages.map(\.place)) })
    }

    @Test func eachMessageGoesToOneInItsTurnAsFarAsItHasAsked() throws {
        var queue = SharedQueue(from: 0)
        queue.join(1)
        queue.join(2)
        #expect(queue.nextPage() == nil, "nobody has asked")
        queue.ask(for: 3, by: 1)
        queue.ask(for: 1, by: 2)
        #expect(queue.nextPage() == 0)
        #expect(queue.nextPage() == nil, "it is being read")
        queue.read(try page(1...6), after: 0, of: filter)
        #expect(places(queue.handOut()) == [1: [1, 3, 4], 2: [2]])
        #expect(queue.handOut().isEmpty && queue.nextPage() == nil)
        queue.ask(for: 5, by: 2)
        #expect(places(queue.handOut()) == [2: [5, 6]])
        #expect(queue.nextPage() == nil, "there was nothing more")
        queue.hasNews()
        #expect(queue.nextPage() == 6)
        queue.read(try page(7...9), after: 3, of: filter)
        #expect(queue.handOut().isEmpty, "another queue's")
    }

    @Test func whatAMemberLeavesGoesToTheOthersFirst() throws {
        var queue = SharedQueue(from: 0)
        queue.join(1)
        queue.ask(for: 3, by: 1)
        _ = queue.nextPage()
        queue.read(try page(1...5), after: 0, of: filter)
        #expect(places(queue.handOut()) == [1: [1, 2, 3]])
        queue.settle(1, by: 1, isDone: true)
        queue.settle(3, by: 1, isDone: false)
        #expect(queue.floor == 1)
        queue.join(2)
        queue.leave(1)
        queue.ask(for: 9, by: 2)
        #expect(places(queue.handOut()) == [2: [2, 3, 4, 5]])
        for place in 2...5 as ClosedRange<UInt64> { queue.settle(place, by: 2, isDone: true) }
        #expect(queue.floor == 5)
        // What is settled twice, or by a stranger, changes nothing.
        queue.settle(2, by: 2, isDone: false)
        queue.settle(2, by: 7, isDone: false)
        #expect(queue.handOut().isEmpty)
    }

    @Test func onlyWhatTheFilterMatchesIsGiven() throws {
        var queue = SharedQueue(from: 0)
        queue.join(1)
        queue.ask(for: 9, by: 1)
        _ = queue.nextPage()
        let other = try Topic(channel: topic.channel, subtopic: Subtopic("b"))
        queue.read(
            LogPage(messages: [try message(1, on: other), try message(2)], end: 7, isLast: true),
            after: 0,
            of: filter
        )
        #expect(places(queue.handOut()) == [1: [2]])
        #expect(queue.position == 7)
    }

    @Test func aPageThatCouldNotBeReadIsReadAgain() {
        var queue = SharedQueue(from: 4)
        queue.join(1)
        queue.ask(for: 1, by: 1)
        #expect(queue.nextPage() == 4)
        queue.read(nil, after: 4, of: filter)
        #expect(queue.nextPage() == 4)
    }

    /// Members come, ask, settle, refuse and go as they like.
    @Test(arguments: 0..<10 as Range<UInt64>) func nothingIsLostAndNothingIsDoneTwice(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let last: UInt64 = 60
        var (queue, members, held, done) = (SharedQueue(from: 0), [UInt64](), [UInt64: Set<UInt64>](), [UInt64]())
        var (next, reading) = (UInt64(1), UInt64?.none)
        func settle(_ number: UInt64, _ isDone: Bool) {
            guard let place = held[number]?.randomElement(using: &random) else { return }
            held[number]?.remove(place)
            if isDone { done.append(place) }
            queue.settle(place, by: number, isDone: isDone)
        }
        for step in 0..<800 where done.count < Int(last) {
            switch (Int.random(in: 0..<10, using: &random), members.randomElement(using: &random)) {
            case (0, let leaver?) where members.count > 1 || step < 500:
                queue.leave(leaver)
                members.removeAll { $0 == leaver }
                held[leaver] = nil
            case (1, _), (_, nil):
                members.append(next)
                queue.join(next)
                next += 1
            case (2, let number?), (3, let number?):
                queue.ask(for: Int.random(in: 1...5, using: &random), by: number)
            case (4, let number?): settle(number, false)
            case (_, let number?): settle(number, true)
            }
            reading = reading ?? queue.nextPage()
            if let place = reading, Bool.random(using: &random) {
                let end = min(last, place + 7)
                let page = place < end ? try page(place + 1...end, isLast: end == last) : nil
                queue.read(page ?? LogPage(messages: [], end: place, isLast: true), after: place, of: filter)
                reading = nil
            }
            for (number, messages) in queue.handOut() {
                held[number, default: []].formUnion(messages.map(\.place))
                if !members.contains(number) { Issue.record("\(number) is gone") }
            }
            let out = held.values.joined()
            let isRight =
                Set(out).count == out.count && Set(out).isDisjoint(with: done)
                && done.filter { $0 <= queue.floor }.count == Int(queue.floor)
            if !isRight { Issue.record("one has it, or it is done, and all up to the floor is") }
        }
        #expect(done.count == Set(done).count)
        #expect(done.count > 30)
    }
}
