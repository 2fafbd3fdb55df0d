internal import Logging

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// One JSON object a line with `level`, `message`, `ts` (RFC 3339, UTC) and `logger`; facts become members of their own.
struct JSONLogHandler: LogHandler {
    let label: String
    var logLevel = Logger.Level.info
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?

    init(label: String, metadataProvider: Logger.MetadataProvider? = nil) {
        self.label = label
        self.metadataProvider = metadataProvider
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        guard let line = line(of: event, at: Date()) else { return }
        try? FileHandleOutput.standardError.write(line)
    }

    /// The line of an event, its end with it.
    func line(of event: LogEvent, at time: Date) -> Data? {
        var members: [String: String] = [:]
        for facts in [metadataProvider?.get(), metadata, event.metadata] {
            for (name, value) in facts ?? [:] { members[name] = "\(value)" }
        }
        if let error = event.error { members["error"] = "\(error)" }
        members["level"] = event.level == .warning ? "warn" : event.level.rawValue
        members["message"] = event.message.description
        members["logger"] = label
        members["ts"] = Date.ISO8601FormatStyle(includingFractionalSeconds: true).format(time)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var line = try? encoder.encode(members)
        line?.append(UInt8(ascii: "\n"))
        return line
    }
}
