internal import Foundation
internal import Synchronization

/// A program that runs beside this one, with its output in a file.
final class DevProcess: Sendable {
    let name: String
    let log: String
    private let process: Mutex<Process>

    /// Starts it.
    ///
    /// - Parameters:
    ///   - asServer: as the user `postgres`, if this program runs as root: PostgreSQL refuses that.
    ///   - signal: what ends it in order.
    init(
        _ name: String,
        _ command: [String],
        environment: [String: String],
        folder: DevFolder,
        asServer: Bool = false
    ) throws {
        self.name = name
        log = "\(folder.path)/\(name).log"
        _ = FileManager.default.createFile(atPath: log, contents: nil, attributes: [.posixPermissions: 0o600])
        guard let output = FileHandle(forWritingAtPath: log) else { throw DevError("\(log) can't be written") }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = (asServer ? Self.asServer : []) + command
        process.environment = environment
        process.standardOutput = output
        process.standardError = output
        process.standardInput = FileHandle.nullDevice
        do { try process.run() } catch { throw DevError("\(name) can't be started: \(error)") }
        self.process = Mutex(process)
    }

    /// What makes a command run as the user `postgres`.
    static var asServer: [String] {
        getuid() == 0 ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--"] : []
    }

    var isRunning: Bool { process.withLock { $0.isRunning } }

    /// The end of its output.
    var lastWords: String {
        let lines = (try? String(contentsOfFile: log, encoding: .utf8))?.split(separator: "\n") ?? []
        return lines.suffix(5).joined(separator: "\n")
    }

    /// Ends it in order, or at once when that takes too long.
    func stop(_ signal: Int32 = SIGTERM) async {
        process.withLock { process in
            if process.isRunning { kill(process.processIdentifier, signal) }
        }
        let deadline = ContinuousClock.now + .seconds(12)
        while isRunning, ContinuousClock.now < deadline { try? await Task.sleep(for: .milliseconds(20)) }
        process.withLock { process in
            if process.isRunning { kill(process.processIdentifier, SIGKILL) }
        }
    }

    /// Runs a command to its end. Throws with its output if it fails.
    static func run(_ command: [String], asServer: Bool = false, input: String = "") throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = (asServer ? Self.asServer : []) + command
        process.currentDirectoryURL = URL(fileURLWithPath: "/")
        let (output, standardInput) = (Pipe(), Pipe())
        process.standardOutput = output
        process.standardError = output
        process.standardInput = standardInput
        do { try process.run() } catch { throw DevError("\(command[0]) can't be started: \(error)") }
        standardInput.fileHandleForWriting.write(Data(input.utf8))
        try? standardInput.fileHandleForWriting.close()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw DevError("\(command[0]) failed:\n\(text)") }
    }
}
