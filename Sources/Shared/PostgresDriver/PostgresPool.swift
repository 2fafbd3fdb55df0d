internal import CoreMetrics
internal import Foundation
internal import SQL

/// Connections with a thread of their own each, and the bounded queue of those who wait for one.
///
/// When PostgreSQL is gone, each thread connects again, with back-off. Meanwhile callers wait as long as they may and
/// are then answered as unavailable, as are at once those for whom there is no room.
final class PostgresPool: @unchecked Sendable {
    /// What became of a job on a connection.
    enum Outcome {
        case done
        /// The connection was dead before anything was done on it.
        case stale
    }

    /// What a thread has to do.
    private enum Task {
        case job(PostgresJob)
        /// Nobody wants anything: see whether the connection still stands.
        case look
        case end
    }

    /// How often a connection that nobody uses is looked at.
    private static let lookInterval = Duration.seconds(1)

    private let configuration: PostgresConfiguration
    private let metrics: PostgresMetrics
    private let canceler: PostgresCanceler
    /// Guards all that follows.
    private let condition = NSCondition()
    /// In the order of their deadlines.
    private var waiting: [PostgresJob] = [] { didSet { metrics.waiting.set(waiting.count) } }
    private var connected = 0 { didSet { metrics.connections.set(connected) } }
    /// Grows when it is time to look.
    private var looks: UInt64 = 0
    private var isClosed = false
    private var failure = "no connection yet"

    init(_ configuration: PostgresConfiguration, metrics: PostgresMetrics) {
        self.configuration = configuration
        self.metrics = metrics
        canceler = PostgresCanceler(configuration, metrics: metrics)
        for number in 0..<configuration.connections {
            start("postgres-\(number)") { pool in pool.serve() }
        }
        start("postgres-waiting") { pool in pool.expire() }
    }

    private func start(_ name: String, _ body: @escaping @Sendable (PostgresPool) -> Void) {
        let thread = Thread { body(self) }
        thread.name = name
        thread.start()
    }

    /// Whether any connection stands; if not, why.
    var outage: String? { condition.withLock { connected > 0 ? nil : failure } }

    // MARK: Callers

    /// Queues a job, or answers it as unavailable.
    func add(_ job: PostgresJob) {
        let refusal: SQLError? = condition.withLock {
            if isClosed { return .closed }
            guard waiting.count < configuration.maximumWaiting else {
                return SQLError(.unavailable, "too many wait for the database")
            }
            waiting.append(job)
            return nil
        }
        // Not under the lock: who wakes up would have to wait for it.
        if refusal == nil { condition.signal() }
        if let refusal { job.fail(refusal) }
        // Nobody may have been there to take it out when it was canceled.
        if job.isCanceled { takeOut(job) }
    }

    /// Answers a job whose caller has gone: at once if it waits, else as soon as its statement has been ended.
    func cancel(_ job: PostgresJob) {
        if job.cancel(), !takeOut(job) { canceler.endStatement(of: job) }
    }

    /// Takes a canceled job out of the queue; false if it isn't there.
    @discardableResult
    private func takeOut(_ job: PostgresJob) -> Bool {
        let wasWaiting = condition.withLock {
            guard let place = waiting.firstIndex(where: { $0 === job }) else { return false }
            waiting.remove(at: place)
            return true
        }
        if wasWaiting { job.fail(CancellationError()) }
        return wasWaiting
    }

    /// Ends the threads when what they do is done, and answers who waits.
    func close() {
        let left = condition.withLock {
            isClosed = true
            condition.broadcast()
            defer { waiting = [] }
            return waiting
        }
        for job in left { job.fail(SQLError.closed) }
        canceler.close()
    }

    // MARK: Threads

    private func serve() {
        var backOff = 0.1
        while !isOver {
            if let connection = connect() {
                let wasUseful = use(connection)
                condition.withLock {
                    connected -= 1
                    if connected == 0 { failure = connection.loss }
                }
                if wasUseful {
                    backOff = 0.1
                    continue
                }
            }
            pause(backOff * .random(in: 0.5...1.5))
            backOff = min(backOff * 2, 2)
        }
    }

    private func connect() -> PostgresConnection? {
        do throws(SQLError) {
            let connection = try PostgresConnection(configuration, metrics: metrics)
            condition.withLock { connected += 1 }
            return connection
        } catch {
            condition.withLock { failure = error.message }
            return nil
        }
    }

    /// Does what is to be done on a connection, as long as it stands. Answers whether it has been of use.
    private func use(_ connection: PostgresConnection) -> Bool {
        var wasUseful = false
        while connection.isReusable {
            switch next() {
            case .end: return wasUseful
            case .look: if connection.look() { wasUseful = true }
            case .job(let job):
                switch job.run(on: connection) {
                case .done: wasUseful = true
                case .stale: putBack(job)
                }
            }
        }
        return wasUseful
    }

    private func next() -> Task {
        condition.withLock {
            let seen = looks
            while waiting.isEmpty, !isClosed, looks == seen { condition.wait() }
            if isClosed { return .end }
            return waiting.isEmpty ? .look : .job(waiting.removeFirst())
        }
    }

    /// Has a job that met a dead connection wait again: its deadline stands.
    private func putBack(_ job: PostgresJob) {
        let isQueued = condition.withLock {
            if isClosed { return false }
            waiting.insert(job, at: waiting.firstIndex { job.deadline < $0.deadline } ?? waiting.endIndex)
            condition.signal()
            return true
        }
        if !isQueued { job.fail(SQLError.closed) }
        if job.isCanceled { takeOut(job) }
    }

    private var isOver: Bool { condition.withLock { isClosed } }

    /// Sleeps, unless the pool is closed. Not on the condition: what is signaled there is for those who wait for a job.
    private func pause(_ seconds: Double) {
        let end = ContinuousClock.now + .seconds(seconds)
        while ContinuousClock.now < end, !isOver { Thread.sleep(forTimeInterval: min(seconds, 0.1)) }
    }

    /// Answers those who have waited too long, and says when it is time to look.
    private func expire() {
        var nextLook = ContinuousClock.now + Self.lookInterval
        while !isOver {
            pause(0.1)
            let isTimeToLook = nextLook <= .now
            if isTimeToLook { nextLook = .now + Self.lookInterval }
            let late = condition.withLock {
                if isTimeToLook {
                    looks += 1
                    condition.broadcast()
                }
                let late = waiting.prefix { $0.deadline <= .now }
                if !late.isEmpty { waiting.removeFirst(late.count) }
                return late
            }
            metrics.waitTimeouts.increment(by: late.count)
            for job in late { job.fail(SQLError(.unavailable, outage ?? "the database is busy")) }
        }
    }
}

extension SQLError {
    fileprivate static let closed = SQLError(.unavailable, "the database is closed")
}
