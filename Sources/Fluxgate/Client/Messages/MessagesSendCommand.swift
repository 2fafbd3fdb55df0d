package import ArgumentParser
package import Messaging
internal import Model
internal import NIOCore

/// `fluxgate messages send`
package struct MessagesSendCommand: AsyncParsableCommand {
    private static let maximumPayload = 16 * 1_048_576

    package static let configuration = CommandConfiguration(
        commandName: "send",
        abstract: "Send a message.",
        discussion: """
            Ends when the platform has taken the message. Whatever the transport, everybody who listens to the channel and \
            subtopic gets it.

            EXAMPLES
              fluxgate messages send --channel $channel '[{"n": "voltage", "v": 12}]'
              fluxgate messages send --channel $channel --subtopic a/b - < a.json
              fluxgate messages send --channel $channel --via mqtt -- -3.5

            \(CommandStatus.help)
            """
    )

    @OptionGroup
    package var options: MessageOptions

    @Option(
        help: ArgumentHelp("Where in the channel, as roof/north.", valueName: "subtopic"),
        transform: Arguments.subtopic
    )
    package var subtopic: Subtopic = .none

    @Option(help: "What the payload is; empty: nothing is said about it.")
    package var contentType = "application/senml+json"

    @Option(help: "How it travels. (default: http)")
    package var via: MessageTransport?

    @Option(
        help: ArgumentHelp("How long it may take, as 500ms or 10s. (default: 10s)", valueName: "duration"),
        transform: Arguments.duration
    )
    package var timeout: Duration = .seconds(10)

    @Argument(help: "The payload, or - to read it from standard input.")
    package var payload: String

    package init() {}

    package func validate() throws {
        // It becomes a header.
        guard contentType.utf8.allSatisfy({ (0x20...0x7E).contains($0) }), contentType.utf8.count <= 256 else {
            throw ValidationError("A content type is up to 256 printable ASCII characters.")
        }
    }

    package func run() async throws {
        try await reporting {
            let target = try MessageTarget(
                channel: options.channel,
                via: via,
                address: options.url,
                key: options.key.flatMap { ThingKey($0.revealed) },
                tls: try options.security.tls(.ofProcess),
                default: .http,
                .ofProcess
            )
            let bytes =
                try payload == "-" ? Console.read("-", limit: Self.maximumPayload) : ByteBuffer(string: payload)
            let message = OutgoingMessage(subtopic: subtopic, contentType: contentType, payload: bytes)
            switch try await race(against: timeout, { try await target.send(message) }) {
            case .finished: break
            case .timedOut: throw ClientFailure(.unavailable, "\(target.address) did not answer in time.")
            case .interrupted: throw ClientFailure(.interrupted, "Interrupted.")
            }
        }
    }
}
