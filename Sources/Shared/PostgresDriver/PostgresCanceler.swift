internal import Foundation
internal import Model
internal import SQL

/// A connection as the server knows it. The process's number alone may soon be another's, or that of another server.
struct PostgresBackend: Sendable {
    /// Nil: the Unix socket.
    let address: String?
    private let process: SQLValue
    private let start: SQLValue

    /// Asks the connection who it is; nil if it doesn't get to know.
    init?(_ connection: PostgresConnection, address: String?) throws(SQLError) {
        let sql =
            "SELECT pid, extract(epoch FROM backend_start)::text AS start FROM pg_stat_get_activity(pg_backend_pid())"
        guard let row = try connection.execute(sql, []).rows.first, let process = try row.value("pid"),
            let start = try row.value("start")
        else { return nil }
        self.address = address
        self.process = process
        self.start = start
    }

    /// Ends the statement that it runs, if it still is who it was.
    func endStatement(over connection: PostgresConnection) throws(SQLError) {
        let sql = """
            SELECT pg_cancel_backend(pid) FROM pg_stat_get_activity($1::int4)
            WHERE extract(epoch FROM backend_start)::text = $2
            """
        _ = try connection.execute(sql, [process, start])
    }
}

/// Ends statements whose callers have gone, on a thread and a connection of its own.
///
/// A request as libpq sends it (`PQcancel`) has no deadline, and goes without TLS before libpq 17.
final class PostgresCanceler: @unchecked Sendable {
    private static let limit = Duration.seconds(2)
    /// After so long without use the connection is given up.
    private static let rest = Duration.seconds(5)

    /// How long a statement is given to end before the server is told again, in seconds.
    private static let pause = 0.05

    private let configuration: PostgresConfiguration
    private let metrics: PostgresMetrics
    /// Guards what follows.
    private let condition = NSCondition()
    private var jobs: [PostgresJob] = []
    private var isClosed = false

    init(_ configuration: PostgresConfiguration, metrics: PostgresMetrics) {
        var configuration = configuration
        configuration.connectTimeout = Self.limit
        configuration.statementTimeout = Self.limit
        self.configuration = configuration
        self.metrics = metrics
        let thread = Thread { self.serve() }
        thread.name = "postgres-cancel"
        thread.start()
    }

    /// Ends the statement that runs for the job, soon; if that can't be done, the server's own limit does it.
    func endStatement(of job: PostgresJob) {
        condition.withLock {
            jobs.append(job)
            condition.signal()
        }
    }

    func close() {
        condition.withLock {
            isClosed = true
            condition.signal()
        }
    }

    private func serve() {
        var open: (connection: PostgresConnection, address: String?)?
        while !condition.withLock({ isClosed }) {
            let jobs = next(isResting: open == nil)
            if jobs.isEmpty { open = nil }
            let running = jobs.filter { job in
                job.endStatement { backend in
                    if open?.address != backend.address || open?.connection.look() != true {
                        open = connect(to: backend.address).map { ($0, backend.address) }
                    }
                    return open?.connection
                }
            }
            guard !running.isEmpty else { continue }
            condition.withLock { self.jobs += running }
            Thread.sleep(forTimeInterval: Self.pause)
        }
    }

    private func connect(to address: String?) -> PostgresConnection? {
        try? PostgresConnection(configuration, at: [address], metrics: metrics)
    }

    /// The jobs to end; none: there are none for a while, or none any more.
    private func next(isResting: Bool) -> [PostgresJob] {
        condition.withLock {
            let end = Date(timeIntervalSinceNow: Double(Self.rest.milliseconds) / 1_000)
            while jobs.isEmpty, !isClosed {
                if isResting { condition.wait() } else if !condition.wait(until: end) { break }
            }
            defer { jobs = [] }
            return jobs
        }
    }
}
