internal import CLibPQ
internal import Model
internal import SQL

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// libpq's connection, with a deadline for everything: a server that takes what is sent and never answers holds nobody.
final class PostgresWire {
    /// What is said of a server that doesn't answer.
    static let overdue = "no answer in time"

    let connection: OpaquePointer
    /// Why it can't be used any more, though libpq may think that it can.
    private(set) var loss: String?
    /// Whether it was lost because nothing came in time.
    private(set) var isOverdue = false

    /// Connects and logs in. Throws ``SQLError``, `unavailable`, if that can't be done; the password isn't in its
    /// words.
    ///
    /// - Parameter parameters: names and values of `PQconnectStartParams`.
    init(_ parameters: [(String, String)], within limit: Duration) throws(SQLError) {
        let connection = withCStrings(parameters.map(\.0)) { names in
            withCStrings(parameters.map(\.1)) { values in PQconnectStartParams(names, values, 0) }
        }
        guard let connection else { throw SQLError(.unavailable, "no memory for a connection") }
        self.connection = connection
        guard connect(by: .now + limit) else { throw SQLError(.unavailable, loss ?? message) }
        guard PQsetnonblocking(connection, 1) == 0, PQenterPipelineMode(connection) == 1 else {
            throw SQLError(.unavailable, message)
        }
    }

    /// Never blocks: what can't be sent at once isn't.
    deinit { PQfinish(connection) }

    /// Whether no transaction is open.
    var isIdle: Bool { PQtransactionStatus(connection) == PQTRANS_IDLE }

    var isAlive: Bool { loss == nil && PQstatus(connection) == CONNECTION_OK }

    /// What went wrong last, in libpq's words.
    var message: String { loss ?? text(PQerrorMessage(connection)) }

    private func connect(by deadline: ContinuousClock.Instant) -> Bool {
        var wanted = PGRES_POLLING_WRITING
        while PQstatus(connection) != CONNECTION_BAD {
            switch wanted {
            case PGRES_POLLING_OK: return true
            case PGRES_POLLING_READING: guard isReady(POLLIN, by: deadline) else { return false }
            case PGRES_POLLING_WRITING: guard isReady(POLLOUT, by: deadline) else { return false }
            default: return false
            }
            wanted = PQconnectPoll(connection)
        }
        return false
    }

    // MARK: Statements

    /// Sends statements together and waits for their answers, in their order: fewer than there are statements if the
    /// connection is lost. Behind one that failed the others are skipped.
    ///
    /// - Parameter limit: how long each may take, answer included.
    func exchange(_ commands: [PostgresCommand], within limit: Duration) -> [PostgresResult] {
        guard loss == nil else { return [] }
        guard commands.allSatisfy({ $0.send(over: connection) }), PQpipelineSync(connection) == 1,
            flush(by: .now + limit)
        else {
            noteLoss()
            return []
        }
        var answers: [PostgresResult] = []
        var ends = 0
        while ends <= commands.count, isAnswered(by: .now + limit) {
            guard let next = PQgetResult(connection) else {
                ends += 1
                continue
            }
            let result = PostgresResult(next)
            if result.isSync { return answers }
            // COPY isn't spoken here, and would go on for ever.
            guard !result.isCopy else {
                noteLoss("COPY isn't supported")
                return answers
            }
            answers.append(result)
        }
        noteLoss()
        return answers
    }

    private func flush(by deadline: ContinuousClock.Instant) -> Bool {
        while true {
            switch PQflush(connection) {
            case 0: return true
            // The server may be waiting for us to read before it reads on.
            case 1: guard isReady(POLLIN | POLLOUT, by: deadline), consume() else { return false }
            default: return false
            }
        }
    }

    /// Waits until `PQgetResult` doesn't block.
    private func isAnswered(by deadline: ContinuousClock.Instant) -> Bool {
        var isOpen = true
        while PQisBusy(connection) == 1 {
            guard isOpen else {
                noteLoss()
                return false
            }
            guard isReady(POLLIN, by: deadline) else { return false }
            isOpen = consume()
        }
        return true
    }

    /// Takes in what has arrived. False: there will be no more.
    private func consume() -> Bool {
        guard PQconsumeInput(connection) == 1 else { return false }
        // libpq may leave half a TLS record behind, of which the socket knows nothing any more. There's always room for
        // the other half.
        return PQsslInUse(connection) == 0 || PQconsumeInput(connection) == 1
    }

    /// Whether the other end is still there, as far as that can be told without asking it.
    func look() -> Bool {
        // A last word may be there before the end is.
        for _ in 0..<8 where isAlive {
            guard isReady(POLLIN, by: nil) else { break }
            guard consume() else {
                noteLoss()
                break
            }
            // Takes in notices.
            _ = PQisBusy(connection)
        }
        return isAlive
    }

    private func noteLoss(_ reason: String? = nil) {
        if loss == nil { loss = reason ?? message }
    }

    // MARK: The socket

    /// Waits for the socket until the deadline; nil: not at all. Without a socket everything is ready: libpq knows why.
    private func isReady(_ events: Int32, by deadline: ContinuousClock.Instant?) -> Bool {
        var socket = pollfd(fd: PQsocket(connection), events: Int16(events), revents: 0)
        guard socket.fd >= 0 else { return true }
        while true {
            let left = deadline.map { max(.zero, ContinuousClock.now.duration(to: $0)) }
            let count = poll(&socket, 1, Int32(clamping: left.map { $0.milliseconds + 1 } ?? 0))
            if count > 0 || (count < 0 && errno != EINTR) { return true }
            guard let deadline else { return false }
            guard ContinuousClock.now < deadline else { break }
        }
        isOverdue = true
        loss = Self.overdue
        return false
    }
}

/// Text of libpq, on one line.
func text(_ message: UnsafePointer<CChar>?) -> String {
    guard let message else { return "" }
    return String(cString: message).split(whereSeparator: \.isNewline).joined(separator: " ")
}

/// Calls the body with the texts as a list of C strings that ends with a null.
func withCStrings<Value>(
    _ texts: [String?],
    _ body: (UnsafePointer<UnsafePointer<CChar>?>?) -> Value
) -> Value {
    var bytes: [CChar] = []
    var starts: [Int?] = []
    for text in texts {
        starts.append(text == nil ? nil : bytes.count)
        if let text { bytes.append(contentsOf: text.utf8CString) }
    }
    return bytes.withUnsafeBufferPointer { bytes in
        let pointers = starts.map { start in start.flatMap { bytes.baseAddress?.advanced(by: $0) } } + [nil]
        return pointers.withUnsafeBufferPointer { body($0.baseAddress) }
    }
}
