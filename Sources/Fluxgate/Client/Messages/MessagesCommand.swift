package import ArgumentParser

/// `fluxgate messages`
package struct MessagesCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "messages",
        abstract: "Send messages, and watch them arrive.",
        discussion: """
            A thing's key says who sends or receives; the thing has to be connected to the channel.

            EXAMPLES
              export MF_THING_KEY=…
              fluxgate messages watch --channel $channel
              fluxgate messages send --channel $channel '[{"n": "voltage", "v": 12}]'

            \(CommandStatus.help)
            """,
        subcommands: [MessagesSendCommand.self, MessagesWatchCommand.self]
    )

    package init() {}
}
