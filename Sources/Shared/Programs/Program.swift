package import ArgumentParser
package import Bootstrap
internal import Foundation
internal import Logging
internal import NIOCore

/// One of the programs: it reads everything it can be told, then runs until it is told to end.
package protocol Program: Sendable {
    /// As it is called: `users`, `http-adapter` …
    static var name: String { get }

    /// What it is, in a sentence.
    static var abstract: String { get }

    /// Reads the variables. Throws ``ConfigurationError`` on the first one that can't be used.
    ///
    /// - Parameter cores: the default number of event loops.
    init(_ variables: Variables, cores: Int) throws(ConfigurationError)

    var settings: ProgramSettings { get }

    /// What an operator should know, though it keeps nothing from starting.
    var warnings: [String] { get }

    /// Serves until SIGTERM or SIGINT.
    func run(_ registry: MetricsRegistry) async throws
}

/// The command of a separate program.
package struct ProgramCommand<Running: Program>: AsyncParsableCommand {
    package static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: Running.name,
            abstract: Running.abstract,
            discussion: ProgramOptions.discussion,
            version: Release.version
        )
    }

    @OptionGroup var options: ProgramOptions

    package init() {}

    package func run() async throws { try await options.run(Running.self) }
}

/// What every program can be told on the command line.
package struct ProgramOptions: ParsableArguments {
    @Flag(help: "Read and check the configuration, print it with secrets hidden, and exit.")
    var checkConfig = false

    @Flag(help: "Ask the running program on its operator's port whether it is ready, and exit.")
    var checkHealth = false

    package init() {}

    /// The discussion of a program's help.
    package static let discussion = """
        What can be configured is an MF_* environment variable (docs/configuration.md).
        SIGTERM or Ctrl-C ends it: clients are told, and what is in flight may finish.
        SIGHUP has certificates, keys and authorities read again; they are, too, when they change.

        Exit codes: 0 ended by a signal, 1 couldn't listen or run, 2 a variable can't be used.
        """

    /// Runs the program, or does what was asked for instead.
    package func run<Running: Program>(_ program: Running.Type) async throws {
        let name = Running.name
        let variables = Variables(ProcessInfo.processInfo.environment)
        do {
            let program = try Running(variables, cores: System.coreCount)
            if checkConfig { return report(program, variables) }
            if checkHealth { return try await HealthCheck.run(program.settings) }
            // Taken by a service later; until then, too, a terminal that goes or a script that is early ends nothing.
            signal(SIGHUP, SIG_IGN)
            program.settings.logFormat.install()
            for warning in program.warnings {
                Logger(label: name).warning("configuration", metadata: ["problem": "\(warning)"])
            }
            for variable in unknown(variables, name) {
                Logger(label: name).warning("unknown variable", metadata: ["name": "\(variable)"])
            }
            if program.settings.environment == .development {
                Logger(label: name).warning("MF_ENV=development: well-known secrets are accepted; not for production")
            }
            let registry = MetricsRegistry()
            registry.install()
            try await program.run(registry)
            end(0)
        } catch let error as ConfigurationError {
            fail(name, "\(error)", code: 2)
        } catch let code as ExitCode {
            throw code
        } catch {
            fail(name, "\(error)", code: 1)
        }
    }

    private func report(_ program: some Program, _ variables: Variables) {
        for (name, value) in variables.effective { print("\(name)=\(value)") }
        for warning in program.warnings { print("# \(warning)") }
        for variable in unknown(variables, program.settings.name) { print("# unknown variable: \(variable)") }
    }

    /// Usually slips of the pen. Separate programs share their environment, so each looks after what bears its own name.
    private func unknown(_ variables: Variables, _ name: String) -> [String] {
        let prefix = ProgramSettings.prefix(of: name) + "_"
        return variables.unknown.filter { name == "fluxgate" || $0.hasPrefix(prefix) }
    }

    private func fail(_ name: String, _ message: String, code: Int32) -> Never {
        FileHandle.standardError.write(Data("\(name): \(message)\n".utf8))
        end(code)
    }

    /// Ends the process without exit handlers: those of C libraries take away what their threads may be in the middle of.
    private func end(_ code: Int32) -> Never {
        fflush(nil)
        _exit(code)
    }
}
