internal import Foundation
internal import SQL

/// Connections with a thread of their own each, and the bounded queue of those who wait for one.
///
/// When PostgreSQL is gone, each thread connects again, with back-off. Meanwhile callers wait as long as they may and are then
/// answered as unavailable, as are at once those for whom there is no room.
final class PostgresPool: @unchecked Sendable {
    /// What became of a job on a connection.
    enum Outcome {
        case done
        /// The connection was dead before anything was done on it.
        case stale
    }

    private let configuration: PostgresConfiguration
    /// Guards all that follows.
    private let condition = NSCondition()
    private var waiting: [PostgresJob] = []
    private var connected = 0
    private var isClosed = false
    private var failure = "no connection yet"

    init(_ configuration: PostgresConfiguration) {
        self.configuration = configuration
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
    var outage: String? { locked { connected > 0 ? nil : failure } }

    // MARK: Callers

    /// Queues a job, or answers it as unavailable.
    func add(_ job: PostgresJob) {
        let refusal: SQLError? = locked {
            if isClosed { return SQLError(.unavailable, "the database is closed") }
            guard waiting.count < configuration.maximumWaiting else {
                return SQLError(.unavailable, "too many wait for the database")
            }
            waiting.append(job)
            condition.signal()
            return nil
        }
        if let refusal { job.fail(refusal) }
    }

    /// Takes a job out of the queue; false if it isn't there any more.
    func remove(_ job: PostgresJob) -> Bool {
        locked {
            guard let place = waiting.firstIndex(where: { $0 === job }) else { return false }
            waiting.remove(at: place)
            return true
        }
    }

    /// Ends the threads when what they do is done, and answers who waits.
    func close() {
        let left = locked {
            isClosed = true
            condition.broadcast()
            defer { waiting = [] }
            return waiting
        }
        for job in left { job.fail(SQLError(.unavailable, "the database is closed")) }
    }

    // MARK: Threads

    private func serve() {
        var backOff = 0.1
        var connection = connect()
        while !locked({ isClosed }) {
            guard let current = connection else {
                pause(backOff * .random(in: 0.5...1.5))
                backOff = min(backOff * 2, 2)
                connection = connect()
                continue
            }
            backOff = 0.1
            guard let job = next() else { break }
            connection = run(job, on: current)
        }
        if connection != nil { disconnected() }
    }

    /// Answers the connection to go on with.
    private func run(_ job: PostgresJob, on connection: PostgresConnection) -> PostgresConnection? {
        var connection = connection
        if job.run(on: connection) == .stale {
            disconnected()
            guard let fresh = connect() else {
                job.fail(SQLError(.unavailable, outage ?? ""))
                return nil
            }
            connection = fresh
            if job.run(on: connection) == .stale { job.fail(SQLError(.unavailable, "the connection was lost")) }
        }
        // A transaction that couldn't be ended ends with its connection.
        guard connection.isAlive, !connection.isInTransaction, !connection.isOutdated else {
            disconnected()
            return nil
        }
        return connection
    }

    private func connect() -> PostgresConnection? {
        do throws(SQLError) {
            let connection = try PostgresConnection(configuration)
            locked { connected += 1 }
            return connection
        } catch {
            locked { failure = error.message }
            return nil
        }
    }

    private func disconnected() { locked { connected -= 1 } }

    /// The job that has waited longest; nil when there is nothing more to do.
    private func next() -> PostgresJob? {
        locked {
            while waiting.isEmpty, !isClosed { condition.wait() }
            return waiting.isEmpty ? nil : waiting.removeFirst()
        }
    }

    /// Sleeps, unless the pool is closed. Not on the condition: what is signaled there is for those who wait for a job.
    private func pause(_ seconds: Double) {
        let end = ContinuousClock.now + .seconds(seconds)
        while ContinuousClock.now < end, !locked({ isClosed }) { Thread.sleep(forTimeInterval: 0.1) }
    }

    /// Answers those who have waited too long.
    private func expire() {
        while !locked({ isClosed }) {
            pause(0.1)
            let late = locked {
                // They stand in the order of their deadlines.
                let late = waiting.prefix { $0.deadline <= .now }
                waiting.removeFirst(late.count)
                return late
            }
            for job in late { job.fail(SQLError(.unavailable, outage ?? "the database is busy")) }
        }
    }

    private func locked<Value>(_ body: () -> Value) -> Value {
        condition.lock()
        defer { condition.unlock() }
        return body()
    }
}
