import Logging
import NIOCore
import Synchronization
import Testing

@testable import TLSSupport

@Suite struct RefusalLogTests {
    /// Keeps the metadata of what is logged.
    private struct Recorder: LogHandler {
        final class Lines: Sendable { let list = Mutex<[Logger.Metadata]>([]) }

        let lines: Lines
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.info

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            lines.list.withLock { $0.append(event.metadata ?? [:]) }
        }
    }

    private final class Clock: Sendable { let second = Atomic<UInt64>(5) }

    private func log() -> (RefusalLog, Recorder.Lines, Clock) {
        let (lines, clock) = (Recorder.Lines(), Clock())
        let logger = Logger(label: "test") { _ in Recorder(lines: lines) }
        let log = RefusalLog(logger: logger) {
            .uptimeNanoseconds(clock.second.load(ordering: .relaxed) * 1_000_000_000)
        }
        return (log, lines, clock)
    }

    @Test func aLineSaysWhyAndWho() throws {
        let (log, lines, _) = log()
        let remote = try SocketAddress(ipAddress: "192.0.2.1", port: 4)
        log.refused("no_certificate", remote: remote, serial: nil)
        log.refused("expired_certificate", remote: nil, serial: [0, 171, 9])

        let list = lines.list.withLock { $0 }
        #expect(list.first == ["reason": "no_certificate", "remote": "192.0.2.1"])
        #expect(list.last == ["reason": "expired_certificate", "certificate_serial": "00AB09"])
    }

    @Test func aFloodLeavesAFewLinesASecondAndTheirNumber() {
        let (log, lines, clock) = log()
        for _ in 0..<100 { log.refused("timeout", remote: nil, serial: nil) }
        #expect(lines.list.withLock { $0.count } == RefusalLog.linesPerSecond)

        clock.second.store(6, ordering: .relaxed)
        log.refused("timeout", remote: nil, serial: nil)
        #expect(lines.list.withLock { $0.last } == ["reason": "timeout", "lines_left_out": "90"])
        log.refused("timeout", remote: nil, serial: nil)
        #expect(lines.list.withLock { $0.last } == ["reason": "timeout"])
    }
}
