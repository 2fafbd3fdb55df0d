package import TLSSupport

/// What every program can be told, read from the `MF_*` variables.
package struct ProgramSettings: Sendable {
    /// As it is called: `users`, `http-adapter` …
    package let name: String
    package let environment: Variables.Environment
    package let logFormat: LogFormat
    package let logLevel: LogLevel
    package let eventLoops: Int
    package let shutdownGrace: Duration
    package let ops: ListenAddress
    package let opsTLS: ServerTLS?
    /// Those of all listeners.
    package let liveFiles: LiveFiles

    /// What the names of a program's own variables begin with: `MF_HTTP_ADAPTER` for `http-adapter`.
    package static func prefix(of program: String) -> String {
        "MF_" + program.uppercased().replacing("-", with: "_")
    }

    /// - Parameters:
    ///   - name: the program's; in capitals, with `_` for `-`, it stands in the names of its variables.
    ///   - opsPort: where it answers operators unless told otherwise.
    ///   - cores: the default number of event loops.
    package init(
        _ variables: Variables,
        name: String,
        opsPort: Int,
        cores: Int,
        _ tls: inout TLSVariables
    ) throws(ConfigurationError) {
        self.name = name
        let prefix = Self.prefix(of: name)
        environment = try variables.environment()
        logFormat = try variables.choice("MF_LOG_FORMAT", default: LogFormat.text)
        let level = try variables.choice("MF_LOG_LEVEL", default: LogLevel.info)
        logLevel =
            name == "fluxgate"
            ? level : try variables.choice("\(prefix)_LOG_LEVEL", default: level, described: "MF_LOG_LEVEL")
        // The rest of the process, the kernel's network and the database need a core too: with one loop for each core a message waits
        // for its turn on one just when it is to go from loop to loop.
        eventLoops = try variables.integer(
            "MF_EVENT_LOOPS",
            default: max(1, cores - 1),
            in: 1...256,
            described: "number of cores less one, at least 1"
        )
        shutdownGrace = try variables.duration("MF_SHUTDOWN_GRACE", default: "10s")
        ops = ListenAddress(
            host: variables.string("\(prefix)_OPS_HOST", default: "127.0.0.1"),
            port: try variables.port("\(prefix)_OPS_PORT", default: opsPort)
        )
        liveFiles = tls.files
        opsTLS = try tls.service("\(prefix)_OPS")
    }
}

extension Variables {
    /// An address from `<name>_HOST` and `<name>_PORT`.
    ///
    /// - Parameters:
    ///   - described: how the default host is documented, if it isn't a constant.
    ///   - portName: the variable of the port, if it has another name.
    package func address(
        _ name: String,
        port: Int,
        host: String,
        described: String? = nil,
        portName: String? = nil
    ) throws(ConfigurationError) -> ListenAddress {
        ListenAddress(
            host: string("\(name)_HOST", default: host, described: described),
            port: try self.port(portName ?? "\(name)_PORT", default: port)
        )
    }
}

/// The address that a public listener has unless its own variable says otherwise.
package struct DefaultHost: Sendable {
    package let host: String
    /// As the documentation has it; nil: the constant itself.
    package let described: String?

    package init(_ host: String, described: String? = nil) { (self.host, self.described) = (host, described) }

    /// A separate program serves others.
    package static let everywhere = DefaultHost("0.0.0.0")
}
