import Bootstrap
import Messaging
import Model
import NIOCore
import NIOEmbedded
import TestSupport

@testable import AdapterTransport

/// An adapter loop on the test's own thread, with the rights in memory.
final class TestLoop {
    let eventLoop = EmbeddedEventLoop()
    let loop: AdapterLoop
    let counters = LoopCounters()
    let published = Recorder()
    var rights = Rights()
    /// Whether ``run()`` answers what was asked; if not, the test does it.
    var answersAtOnce = true

    private let list = List()
    private let clock = Clock()
    private let interest: InterestFilter

    private final class List {
        var questions: [AccessQuestion] = []
    }

    /// Stands still unless the test lets time pass.
    private final class Clock {
        var now: UInt64 = 1_000_000_000_000
    }

    /// - Parameters:
    ///   - links: shared by loops that hand messages to each other.
    ///   - accessMaximumAge: nanoseconds that a decision is kept.
    ///   - limits: how much clients may have.
    init(
        index: Int = 0,
        links: LoopLinks = LoopLinks(count: 1),
        accessMaximumAge: UInt64 = 1 << 50,
        limits: LimitSettings = LimitSettings()
    ) {
        let (list, clock) = (list, clock)
        interest = links.interest
        loop = AdapterLoop(
            index: index,
            eventLoop: eventLoop,
            links: links,
            limits: LoopLimits(limits),
            counters: counters,
            epoch: 0,
            ages: .always(accessMaximumAge),
            clock: { clock.now },
            ask: { list.questions.append($0) }
        )
        loop.add(published)
    }

    /// What was asked and not answered yet.
    var questions: [AccessQuestion.Subject] { list.questions.map(\.subject) }

    /// Whether somebody here wants what is published to the channel.
    func isInterested(in channel: ChannelID) -> Bool { interest.isInterested(loop: loop.index, in: channel) }

    /// Works off what is due.
    func run() {
        eventLoop.run()
        while answersAtOnce, !list.questions.isEmpty {
            answer()
            eventLoop.run()
        }
    }

    /// Lets time pass, and has looked who has waited too long.
    func pass(_ nanoseconds: UInt64) {
        clock.now += nanoseconds
        eventLoop.advanceTime(by: .nanoseconds(Int64(clamping: nanoseconds)))
        loop.sweep()
        run()
    }

    /// Answers everything that has been asked, from the rights as they are.
    func answer() {
        let questions = list.questions
        list.questions = []
        for question in questions {
            switch question.subject {
            case .key(let key):
                let answer: Result<ThingIdentity?, AccessUnavailable> =
                    rights.isOut ? .failure(AccessUnavailable()) : .success(rights.owner(of: key))
                loop.access.answered(question, identity: answer, at: loop.now)
            case .use(let identity, let channel):
                let answer: Result<Bool, AccessUnavailable> =
                    rights.isOut
                    ? .failure(AccessUnavailable()) : .success(rights.allows(identity.thing, channel))
                loop.access.answered(question, allowed: answer, at: loop.now)
            }
        }
        eventLoop.run()
    }

    /// Takes a right away, as the things service does.
    func take(_ event: AccessEvent) {
        rights.apply(event)
        loop.apply(event)
        run()
    }

    /// A message from elsewhere in the process.
    func publish(_ text: String, to topic: Topic, qos: UInt8 = 1, source: SourceProtocol = .http) throws {
        let identity = ThingIdentity(thing: .random(), tenant: .random())
        var grant: ChannelGrant?
        loop.access.authorize(identity, topic.channel, at: loop.now) {
            if case .granted(let right) = $0 { grant = right }
        }
        if let question = list.questions.popLast() {
            loop.access.answered(question, allowed: .success(true), at: loop.now)
        }
        let request = PublishRequest(topic: topic, payload: ByteBuffer(string: text), source: source, qos: qos)
        if let grant { _ = loop.publish(request, by: grant, at: loop.now) }
        run()
    }
}

/// Keeps what was published.
final class Recorder: LoopComponent {
    private(set) var messages: [Message] = []
    private(set) var sweeps = 0

    var payloads: [String] { messages.map { String(buffer: $0.payload) } }

    func deliver(_ message: Message) { messages.append(message) }
    func turnEnded() {}
    func apply(_ event: AccessEvent, _ reason: AccessLoss) {}
    func sweep(at now: UInt64) { sweeps += 1 }
    func shutDown() {}
    var connectionCount: Int { 0 }
}
