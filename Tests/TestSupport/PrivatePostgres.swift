internal import Foundation
package import PostgresDriver

/// A server of one test's own, which may be restarted, killed and configured. It goes with the last reference, and also
/// when the test's process dies: what holds it is a shell that reads our commands (`scripts/with-postgres sh`).
package final class PrivatePostgres: Sendable {
    package struct Failure: Error { package let command: String }

    package let port: Int
    private let shell: Process
    private let input: FileHandle
    private let output: FileHandle

    package init() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let (commands, answers) = (Pipe(), Pipe())
        shell = Process()
        shell.executableURL = root.appendingPathComponent("scripts/with-postgres")
        shell.arguments = ["sh"]
        shell.standardInput = commands
        shell.standardOutput = answers
        try shell.run()
        (input, output) = (commands.fileHandleForWriting, answers.fileHandleForReading)
        let server = try Self.ask("echo $FLUXGATE_TEST_POSTGRES", input, output)
        guard let port = server.split(separator: ":").last.flatMap({ Int($0) }) else { throw Failure(command: server) }
        self.port = port
    }

    deinit {
        try? input.close()
        shell.waitUntilExit()
    }

    /// Its superuser, who needs no password until ``configure(_:access:)`` says otherwise.
    package var configuration: PostgresConfiguration {
        PostgresConfiguration(host: "127.0.0.1", port: port, user: "postgres", database: "postgres")
    }

    /// Adds lines to `postgresql.conf`, replaces `pg_hba.conf`, and restarts.
    package func configure(_ lines: [String], access: [String]) throws {
        for line in lines { try ask("echo \"\(line)\" >>$FLUXGATE_TEST_POSTGRES_DATA/postgresql.conf") }
        try ask("echo '\(access.joined(separator: "\n"))' >$FLUXGATE_TEST_POSTGRES_DATA/pg_hba.conf")
        try ask("$FLUXGATE_TEST_POSTGRES_CTL --mode=fast --wait restart >&2")
    }

    /// Puts a file where the server finds it by its name; only the server may read it.
    package func give(_ path: String, as name: String) throws {
        let target = "$FLUXGATE_TEST_POSTGRES_DATA/\(name)"
        let owner = "$(stat -c %U:%G $FLUXGATE_TEST_POSTGRES_DATA/PG_VERSION)"
        try ask("cp '\(path)' \(target) && chmod 600 \(target) && chown \(owner) \(target)")
    }

    /// Ends it as a crash would: at once, and without a word to anybody.
    package func kill() throws { try ask("kill -KILL $(head -n 1 $FLUXGATE_TEST_POSTGRES_DATA/postmaster.pid)") }

    package func start() throws {
        // What a killed one leaves in memory is in use until the last of its processes is gone.
        try ask(
            """
            for try in 1 2 3 4 5 6 7 8 9 10; do \
            $FLUXGATE_TEST_POSTGRES_CTL --wait start >&2 && break; sleep 0.3; done; \
            $FLUXGATE_TEST_POSTGRES_CTL status >&2
            """
        )
    }

    private func ask(_ command: String) throws { _ = try Self.ask("\(command); echo $?", input, output, expected: "0") }

    /// Has the shell run a command, and answers its last line.
    private static func ask(
        _ command: String,
        _ input: FileHandle,
        _ output: FileHandle,
        expected: String? = nil
    ) throws -> String {
        try input.write(contentsOf: Data("\(command)\n".utf8))
        var line = ""
        while !line.hasSuffix("\n") {
            guard let bytes = try output.read(upToCount: 1), !bytes.isEmpty else { throw Failure(command: command) }
            line += String(decoding: bytes, as: UTF8.self)
        }
        line.removeLast()
        guard expected == nil || line == expected else { throw Failure(command: command) }
        return line
    }
}
