import Foundation
import Logging
import Testing

@testable import Bootstrap

@Suite struct JSONLogTests {
    private struct Broken: Error, CustomStringConvertible {
        var description: String { "broken \"here\"" }
    }

    private let noon = Date(timeIntervalSince1970: 1_000_000_000.25)

    private func members(
        _ level: Logger.Level = .info,
        _ message: String = "hello",
        metadata: Logger.Metadata = [:],
        error: (any Error)? = nil,
        handler: JSONLogHandler = JSONLogHandler(label: "test")
    ) throws -> [String: String] {
        let event = LogEvent(
            level: level,
            message: "\(message)",
            error: error,
            metadata: metadata,
            source: nil,
            file: "",
            function: "",
            line: 0
        )
        let line = try #require(handler.line(of: event, at: noon))
        #expect(line.last == UInt8(ascii: "\n") && line.count { $0 == UInt8(ascii: "\n") } == 1)
        return try JSONDecoder().decode([String: String].self, from: line)
    }

    @Test func aLineIsOneObjectWithTheFieldsOfTheContract() throws {
        #expect(
            try members() == [
                "level": "info", "message": "hello", "ts": "2001-09-09T01:46:40.250Z", "logger": "test",
            ]
        )
    }

    @Test(arguments: Logger.Level.allCases)
    func theLevelHasTheNameOfTheContract(level: Logger.Level) throws {
        #expect(try members(level)["level"] == (level == .warning ? "warn" : level.rawValue))
    }

    @Test func whatAPeerSendsCannotMakeALine() throws {
        let hostile = "a\"}\n{\"level\":\"error\"\r\u{0}\u{1B}[31m\u{2028}é"
        let members = try members(.info, hostile, metadata: ["name": "\(hostile)"])

        #expect(members["message"] == hostile && members["name"] == hostile)
    }

    @Test func factsAreMembersAndTheNearestCounts() throws {
        var handler = JSONLogHandler(label: "test")
        handler[metadataKey: "a"] = "handler"
        handler[metadataKey: "b"] = "handler"
        handler.metadataProvider = Logger.MetadataProvider { ["b": "provider", "c": "provider"] }
        let members = try members(metadata: ["a": "event"], handler: handler)

        #expect(members["a"] == "event" && members["b"] == "handler" && members["c"] == "provider")
        #expect(handler[metadataKey: "a"] == "handler")
    }

    @Test func aFactCannotTakeThePlaceOfAField() throws {
        let members = try members(metadata: ["level": "error", "ts": "never", "message": "x", "logger": "y"])

        #expect(members["level"] == "info" && members["message"] == "hello" && members["logger"] == "test")
        #expect(members["ts"]?.hasPrefix("2001") == true)
    }

    @Test func anErrorIsTold() throws {
        #expect(try members(error: Broken())["error"] == "broken \"here\"")
    }

    @Test(arguments: [
        ("trace", Logger.Level.trace), ("debug", .debug), ("info", .info), ("warn", .warning), ("error", .error),
    ])
    func theLevelsOfTheContractStandForThoseOfTheLibrary(name: String, level: Logger.Level) {
        #expect(LogLevel(rawValue: name)?.level == level)
    }
}
