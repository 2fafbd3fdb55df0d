package import Logging
internal import Model

/// How log lines look: for people or for machines.
package enum LogFormat: String, CaseIterable, Sendable {
    case text, json

    /// Makes every logger of the process write lines of this form to standard error.
    package func install() {
        let trace = Logger.MetadataProvider {
            TraceContext.current.map { ["trace_id": "\($0.traceID)"] } ?? [:]
        }
        switch self {
        case .text:
            LoggingSystem.bootstrap(StreamLogHandler.standardError(label:metadataProvider:), metadataProvider: trace)
        case .json:
            LoggingSystem.bootstrap(JSONLogHandler.init(label:metadataProvider:), metadataProvider: trace)
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
