package import ArgumentParser
package import Model

/// What `send` and `watch` have in common.
package struct MessageOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("The channel.", valueName: "id"),
        transform: Arguments.channel
    )
    package var channel: ChannelID

    @Option(
        help: ArgumentHelp(
            """
            The thing's key; not needed beside its certificate. Others on this machine can read command lines: the variable MF_THING_KEY is the better \
            place.
            """
        ),
        transform: Arguments.secret
    )
    package var key: Secret?

    @Option(
        help: ArgumentHelp(
            """
            Where the service is: http://…, ws://… or mqtt://…, on TLS https://…, wss://… or mqtts://…; this also chooses \
            --via. Default: the variable MF_FLUXGATE_HTTP_URL, MF_FLUXGATE_WS_URL or MF_FLUXGATE_MQTT_URL, or the usual \
            port on this machine.
            """,
            valueName: "address"
        ),
        transform: Arguments.address
    )
    package var url: ServiceAddress?

    @OptionGroup
    package var security: TLSOptions

    package init() {}

    package func validate() throws {
        guard key.map({ ThingKey($0.revealed) != nil }) ?? true else {
            throw ValidationError("A key is 8 to 256 printable ASCII characters without blanks.")
        }
    }
}
