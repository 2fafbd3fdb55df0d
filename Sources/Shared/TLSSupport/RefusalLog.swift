internal import Logging
internal import Model
package import NIOCore
internal import Synchronization

/// One line for each client that is turned away, a few of them a second: who is flooded wants to know why, not how often.
package final class RefusalLog: Sendable {
    /// Lines that are written within one second; the next second's first line says how many more there were.
    static let linesPerSecond = 10

    private struct Budget {
        var second: Int64 = .min
        var lines = 0
        var suppressed = 0
    }

    private let logger: Logger
    private let budget = Mutex(Budget())
    private let clock: @Sendable () -> NIODeadline

    /// - Parameter label: of the logger; the listener's name.
    package init(label: String, clock: @escaping @Sendable () -> NIODeadline = { .now() }) {
        self.logger = Logger(label: label)
        self.clock = clock
    }

    init(logger: Logger, clock: @escaping @Sendable () -> NIODeadline) {
        self.logger = logger
        self.clock = clock
    }

    /// - Parameter serial: of the client's certificate. Its subject is never logged: it holds the thing's key.
    package func refused(_ reason: String, remote: SocketAddress?, serial: [UInt8]?) {
        guard let suppressed = takeLine() else { return }
        var facts: Logger.Metadata = ["reason": "\(reason)"]
        if let address = remote?.ipAddress { facts["remote"] = "\(address)" }
        // As `openssl x509 -serial` prints it.
        if let serial { facts["certificate_serial"] = "\(serial.hexadecimal.uppercased())" }
        if suppressed > 0 { facts["lines_left_out"] = "\(suppressed)" }
        logger.info("client refused", metadata: facts)
    }

    /// How many lines were left out before this one; nil if this one is left out too.
    private func takeLine() -> Int? {
        let second = Int64(clamping: clock().uptimeNanoseconds / 1_000_000_000)
        return budget.withLock { budget in
            if budget.second != second {
                budget.second = second
                budget.lines = 0
            }
            guard budget.lines < Self.linesPerSecond else {
                budget.suppressed += 1
                return nil
            }
            budget.lines += 1
            defer { budget.suppressed = 0 }
            return budget.suppressed
        }
    }
}
