package import ArgumentParser
internal import FoundationEssentials
package import Messaging
internal import Model
internal import NIOCore
internal import Synchronization

/// `fluxgate messages watch`
package struct MessagesWatchCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "watch",
        abstract: "Print messages as they arrive.",
        discussion: """
            Each payload is printed as it came, with a newline after it. When the subscription stands, "watching" is written \
            to standard error. It goes on until Ctrl-C, unless --count or --timeout end it.

            --json prints one object a line: {"payload": "…", "received": "<time>"}. A payload that is no UTF-8 is given in \
            base64, with "encoding": "base64" beside it.

            EXAMPLES
              fluxgate messages watch --channel $channel
              fluxgate messages watch --channel $channel --subtopic 'roof/>' --json
              fluxgate messages watch --channel $channel --count 1 --timeout 10s

            \(CommandStatus.help)

            Ended by --timeout or Ctrl-C it is done, unless --count asked for more messages than came: then the code is 1 or \
            130.
            """
    )

    @OptionGroup
    package var options: MessageOptions

    @Option(
        help: ArgumentHelp(
            """
            Which messages of the channel: a subtopic, in which * is any one level, and > at the end any that follow. \
            Without it, those that have no subtopic.
            """,
            valueName: "pattern"
        ),
        transform: Arguments.pattern
    )
    package var subtopic = SubtopicFilter(levels: [], tail: .exact)

    @Option(help: "How they travel. (default: ws)")
    package var via: ReceivingTransport?

    @Option(help: ArgumentHelp("End after so many messages.", valueName: "number"))
    package var count: Int?

    @Option(help: ArgumentHelp("End after this time, as 10s.", valueName: "duration"), transform: Arguments.duration)
    package var timeout: Duration?

    @Flag(help: "Print a JSON object a line.")
    package var json = false

    package init() {}

    package func validate() throws {
        if let count, count < 1 { throw ValidationError("--count must be 1 or more.") }
        if via == nil, options.url.map({ MessageTransport($0.scheme) }) == .http {
            throw ValidationError("Nothing can be received over HTTP: use ws or mqtt.")
        }
    }

    package func run() async throws {
        try await reporting {
            let target = try MessageTarget(
                channel: options.channel,
                via: via?.transport,
                address: options.url,
                key: options.key.flatMap { ThingKey($0.revealed) },
                tls: try options.security.tls(.ofProcess),
                default: .ws,
                .ofProcess
            )
            let printer = Printer(json: json, limit: count)
            let subtopic = subtopic
            let end = try await race(against: timeout) {
                try await target.watch(subtopic) {
                    Console.note("watching")
                } received: { payload in
                    try printer.print(payload)
                }
            }
            if let failure = Self.failure(end, received: printer.count, wanted: count) { throw failure }
        }
    }

    /// Why the watch was in vain, if it was.
    package static func failure(_ end: RaceEnd<Void>, received: Int, wanted: Int?) -> ClientFailure? {
        guard let wanted, received < wanted else { return nil }
        switch end {
        case .finished: return nil
        case .timedOut: return ClientFailure(.failure, "Only \(received) of \(wanted) messages came in time.")
        case .interrupted: return ClientFailure(.interrupted, "Interrupted after \(received) of \(wanted) messages.")
        }
    }

    /// Prints and counts.
    private final class Printer: Sendable {
        private let json: Bool
        private let limit: Int?
        private let printed = Mutex(0)

        init(json: Bool, limit: Int?) {
            self.json = json
            self.limit = limit
        }

        var count: Int { printed.withLock { $0 } }

        /// False when that was the last one.
        func print(_ payload: ByteBuffer) throws -> Bool {
            let message = ReceivedMessage(payload: payload, received: Date())
            try Console.output(json ? message.json() : message.raw)
            return printed.withLock { printed in
                printed += 1
                return limit.map { printed < $0 } ?? true
            }
        }
    }
}
