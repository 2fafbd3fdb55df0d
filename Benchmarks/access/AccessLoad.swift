internal import AdapterTransport
internal import AdaptersRemote
internal import ArgumentParser
internal import Bootstrap
internal import Foundation
internal import Messaging
internal import Model
internal import NIOCore
internal import NIOPosix
internal import RPCSupport
internal import Synchronization

/// Measures how fast one adapter finds out about things that it doesn't know: its event loops, tables and resolver, without
/// its listeners.
@main
struct AccessLoad: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "accessload",
        abstract: "Ask the things service about many keys that an adapter doesn't know yet."
    )

    enum Mode: String, ExpressibleByArgument {
        case stream, calls
    }

    @Argument(help: "The things service's gRPC address, as localhost:8183.")
    var things: String

    @Argument(help: "A file with a key and a channel id a line, each to be admitted once.")
    var file: String

    @Option(help: "Ask in batches over a stream, or by the contract's calls.")
    var mode = Mode.stream

    @Option(help: "How many connections wait for an answer at a time, on each of two event loops.")
    var waiting = 2_048

    func run() async throws {
        guard let target = RPCTarget(things) else { throw ValidationError("\(things): host:port") }
        let rpc = try RPCClient(target, trust: .plain, timeout: .seconds(10))
        let remote = RemoteAccess(rpc)
        let access: any AccessControl = mode == .stream ? remote : Calls(remote: remote)
        let resolver = AccessResolver(access: access)
        let loops = try await AdapterLoops(
            group: MultiThreadedEventLoopGroup(numberOfThreads: 2),
            ages: AccessAges(leased: 300_000_000_000, unleased: 300_000_000_000),
            limits: LimitSettings(),
            resolver: resolver
        )
        let running = [
            Task { try await rpc.run() }, Task { await remote.run() }, Task { await resolver.run() },
        ]
        defer { for task in running { task.cancel() } }
        let all = try admissions()
        let clients = try await loops.add { Clients(loop: $0, all.split($0.index, of: 2), waiting: waiting) }
        let start = ContinuousClock.now
        try await loops.forEach { _ in clients.current?.start() }
        var (waits, refused): ([Duration], Int) = ([], 0)
        let collected = Mutex<[([Duration], Int)]>([])
        while collected.withLock({ $0.count }) < 2 {
            try await Task.sleep(for: .milliseconds(5))
            collected.withLock { $0 = [] }
            try await loops.forEach { _ in
                if let done = clients.current?.done { collected.withLock { $0.append(done) } }
            }
        }
        let time = ContinuousClock.now - start
        for (part, count) in collected.withLock({ $0 }) { (waits, refused) = (waits + part, refused + count) }
        waits.sort()
        let questions = 2 * waits.count
        let result: JSONObject = [
            "mode": .string(mode.rawValue), "questions": .integer(Int64(questions)),
            "refused": .integer(Int64(refused)),
            "per_second": .integer(Int64(Double(questions) / (time / .seconds(1)))),
            "p50_ms": .double(waits[waits.count / 2] / .milliseconds(1)),
            "p99_ms": .double(waits[waits.count * 99 / 100] / .milliseconds(1)),
        ]
        print(JSONValue.object(result).text)
    }

    private func admissions() throws -> Admissions {
        let lines = try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n")
        let pairs = lines.compactMap { line -> (ThingKey, ChannelID)? in
            let words = line.split(separator: " ").map(String.init)
            guard words.count == 2, let key = ThingKey(words[0]), let channel = ChannelID(words[1]) else { return nil }
            return (key, channel)
        }
        guard !pairs.isEmpty, pairs.count == lines.count else { throw ValidationError("\(file): keys and channels") }
        return Admissions(pairs: pairs)
    }
}

private struct Admissions: Sendable {
    let pairs: [(ThingKey, ChannelID)]

    func split(_ index: Int, of count: Int) -> [(ThingKey, ChannelID)] {
        stride(from: index, to: pairs.count, by: count).map { pairs[$0] }
    }
}

/// Connections of one event loop that each want to be admitted, so many at a time.
private final class Clients: LoopComponent {
    private let loop: AdapterLoop
    private let admissions: [(ThingKey, ChannelID)]
    private let waiting: Int
    private var next = 0
    private var waits: [Duration] = []
    private var refused = 0

    init(loop: AdapterLoop, _ admissions: [(ThingKey, ChannelID)], waiting: Int) {
        (self.loop, self.admissions, self.waiting) = (loop, admissions, waiting)
    }

    /// How long each waited and how many weren't admitted, once all have been answered.
    var done: ([Duration], Int)? { waits.count == admissions.count ? (waits, refused) : nil }

    func start() {
        for _ in 0..<min(waiting, admissions.count) { admitNext() }
    }

    private func admitNext() {
        guard next < admissions.count else { return }
        let (key, channel) = admissions[next]
        next += 1
        let start = loop.now
        loop.access.admit(key, to: channel, clock: { self.loop.now }) { answer in
            if case .granted = answer {} else { self.refused += 1 }
            self.waits.append(.nanoseconds(Int64(self.loop.now - start)))
            self.admitNext()
        }
    }

    func deliver(_ message: Message) {}
    func turnEnded() {}
    func apply(_ event: AccessEvent, _ reason: AccessLoss) {}
    func sweep(at now: UInt64) {}
    func shutDown() {}
    var connectionCount: Int { 0 }
}

/// The contract's calls, as many at a time as an adapter that has no stream makes.
private struct Calls: AccessControl {
    let remote: RemoteAccess

    func decide(_ questions: [AccessQuestion.Subject]) async -> [Result<ThingIdentity?, AccessUnavailable>] {
        var answers: [Result<ThingIdentity?, AccessUnavailable>] = []
        for portion in stride(from: 0, to: questions.count, by: 8).map({ questions[$0...].prefix(8) }) {
            answers += await remote.oneByOne(Array(portion))
        }
        return answers
    }
}
