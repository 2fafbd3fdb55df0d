package import Logging

/// How log lines look: for people or for machines.
package enum LogFormat: String, CaseIterable, Sendable {
    case text, json

    /// Makes every logger of the process write lines of this form to standard error.
    package func install() {
        switch self {
        case .text: LoggingSystem.bootstrap(StreamLogHandler.standardError)
        case .json: LoggingSystem.bootstrap { JSONLogHandler(label: $0) }
        }
    }
}

/// The levels of the contract; each stands for swift-log's own.
package enum LogLevel: String, CaseIterable, Sendable {
    case trace, debug, info, warn, error

    package var level: Logger.Level {
        switch self {
        case .trace: .trace
        case .debug: .debug
        case .info: .info
        case .warn: .warning
        case .error: .error
        }
    }
}
