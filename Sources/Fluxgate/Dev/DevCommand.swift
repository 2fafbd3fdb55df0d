package import ArgumentParser
internal import Foundation
internal import UnixSignals

/// `fluxgate dev`
package struct DevCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "dev",
        abstract: "Run the five separate programs on this machine, with a PostgreSQL and a NATS of their own.",
        discussion: """
            Starts PostgreSQL and nats-server from the packages that are installed, privately, on the loopback address, and \
            then users, things, http-adapter, ws-adapter and mqtt-adapter from beside this program. Each listens on its usual \
            port if that is free, else on any that is; what is printed says where. MF_* variables are passed on.

            Ctrl-C ends it all; what was stored is removed, unless --data names a folder for it.
            """
    )

    @Option(help: "How many copies of each adapter to run.")
    var copies = 1

    @Option(help: "Keep the databases and logs in this folder. Without it they are in a temporary one.")
    var data: String?

    package init() {}

    package func validate() throws {
        guard (1...9).contains(copies) else { throw ValidationError("--copies is from 1 to 9") }
    }

    package func run() async throws {
        // Before anything is there that would have to be cleaned up.
        let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm, .sighup)
        let folder = try DevFolder(data)
        defer { folder.clean() }
        let platform: DevPlatform
        do {
            platform = try await DevPlatform(folder: folder, copies: copies)
        } catch {
            return try fail(error)
        }
        do {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    try await platform.start()
                    FileHandle.standardOutput.write(Data((platform.summary + "\n").utf8))
                    try await platform.waitForAnEnd()
                }
                group.addTask {
                    for await _ in signals { return }
                }
                defer { group.cancelAll() }
                try await group.next()
            }
        } catch {
            await platform.stop()
            try fail(error)
        }
        await platform.stop()
    }

    private func fail(_ error: any Error) throws {
        FileHandle.standardError.write(Data("fluxgate dev: \(error)\n".utf8))
        throw ExitCode(1)
    }
}

/// Where the private servers keep what they store, and all programs their logs.
struct DevFolder: Sendable {
    let path: String
    private let isTemporary: Bool

    init(_ given: String?) throws {
        isTemporary = given == nil
        if let given {
            path = URL(fileURLWithPath: given).standardizedFileURL.path
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } else {
            // A new one, that nobody could have prepared.
            var template = Array("\(NSTemporaryDirectory())/fluxgate-dev-XXXXXX".utf8CString)
            guard let made = mkdtemp(&template) else { throw DevError("no temporary folder can be made") }
            path = URL(fileURLWithPath: String(cString: made)).standardizedFileURL.path
        }
        // PostgreSQL's user has to reach its own folder in it.
        guard chmod(path, 0o711) == 0 else { throw DevError("\(path) belongs to someone else") }
    }

    func clean() {
        if isTemporary { try? FileManager.default.removeItem(atPath: path) }
    }

    /// The text kept in this file; made at the first start.
    func kept(_ name: String, _ make: () -> String) throws -> String {
        let file = "\(path)/\(name)"
        if let text = try? String(contentsOfFile: file, encoding: .utf8) { return text }
        let text = make()
        let attributes: [FileAttributeKey: Any] = [.posixPermissions: 0o600]
        guard FileManager.default.createFile(atPath: file, contents: Data(text.utf8), attributes: attributes) else {
            throw DevError("\(file) can't be written")
        }
        return text
    }
}

struct DevError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
