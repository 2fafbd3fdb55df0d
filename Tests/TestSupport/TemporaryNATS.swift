internal import Foundation
internal import Synchronization

/// A private nats-server on a free port of the loopback address, for one test. Ends with its owner.
package final class TemporaryNATS: Sendable {
    package let port: Int
    private let arguments: [String]
    private let folder: TemporaryFolder
    private let process: Mutex<Process>

    package var url: String { "nats://127.0.0.1:\(port)" }

    /// - Parameter arguments: more of them for the server.
    package init(_ arguments: [String] = []) throws {
        folder = try TemporaryFolder()
        self.arguments = arguments
        let (process, port) = try Self.start(arguments, port: -1, folder)
        self.process = Mutex(process)
        self.port = port
    }

    deinit { process.withLock { _ = kill($0.processIdentifier, SIGKILL) } }

    /// Ends the server as a crash would.
    package func kill9() {
        process.withLock { process in
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
        }
    }

    /// Starts it again on the same port.
    package func restart() throws {
        let (again, _) = try Self.start(arguments, port: port, folder)
        process.withLock { $0 = again }
    }

    /// Suspends or resumes the server: its connections stay, and nothing is answered.
    package func suspend(_ isSuspended: Bool) {
        process.withLock { _ = kill($0.processIdentifier, isSuspended ? SIGSTOP : SIGCONT) }
    }

    private static func start(_ arguments: [String], port: Int, _ folder: TemporaryFolder) throws -> (Process, Int) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments =
            ["nats-server", "-a", "127.0.0.1", "-p", "\(port)", "--ports_file_dir", folder.path] + arguments
        process.standardError = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        let file = "\(folder.path)/nats-server_\(process.processIdentifier).ports"
        let deadline = ContinuousClock.now + .seconds(10)
        while ContinuousClock.now < deadline, process.isRunning {
            if let data = FileManager.default.contents(atPath: file),
                let ports = try? JSONDecoder().decode([String: [String]].self, from: data),
                let found = ports["nats"]?.first.flatMap({ URL(string: $0)?.port })
            {
                return (process, found)
            }
            Thread.sleep(forTimeInterval: 0.02)
        }
        throw TemporaryNATSError()
    }
}

package struct TemporaryNATSError: Error {}
