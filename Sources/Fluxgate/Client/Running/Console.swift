internal import ArgumentParser
internal import Foundation
package import NIOCore

#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// The terminal or files that a command talks to: results go to standard output, everything else to standard error.
package enum Console {
    /// Whether a person looks at standard error.
    package static var errorsAreSeen: Bool { isatty(STDERR_FILENO) == 1 }
    /// Whether a person types standard input.
    package static var inputIsTyped: Bool { isatty(STDIN_FILENO) == 1 }

    /// Writes a result, at once.
    package static func output(_ bytes: ByteBuffer) throws(ClientFailure) {
        do {
            try FileHandle.standardOutput.write(contentsOf: Data(bytes.readableBytesView))
        } catch {
            throw ClientFailure(.failure, "Standard output can't be written to.")
        }
    }

    package static func output(_ text: String) throws(ClientFailure) {
        try output(ByteBuffer(string: text))
    }

    /// Writes to standard error; there is nobody to tell if that fails.
    package static func note(_ text: String, terminator: String = "\n") {
        try? FileHandle.standardError.write(contentsOf: Data((text + terminator).utf8))
    }

    /// Reads a file to its end, or `-`, standard input.
    ///
    /// - Throws: a failure that says which file, if it can't be read or is longer than the limit.
    package static func read(_ path: String, limit: Int) throws(ClientFailure) -> ByteBuffer {
        let name = path == "-" ? "Standard input" : path
        let contents: Data
        do {
            let file =
                path == "-" ? FileHandle.standardInput : try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
            contents = try read(file, limit: limit)
        } catch CocoaError.fileReadNoSuchFile, CocoaError.fileNoSuchFile {
            throw ClientFailure(.badInput, "\(name) can't be read: there is no such file.")
        } catch {
            throw ClientFailure(.badInput, "\(name) can't be read: \(error.localizedDescription)")
        }
        guard contents.count <= limit else {
            throw ClientFailure(.badInput, "\(name) is longer than \(limit / 1_048_576) MiB.")
        }
        return ByteBuffer(bytes: contents)
    }

    /// Reads until the end or until there is more than the limit: pipes give less at a time than they are asked for.
    private static func read(_ file: FileHandle, limit: Int) throws -> Data {
        var contents = Data()
        while contents.count <= limit, let part = try file.read(upToCount: 1_048_576), !part.isEmpty {
            contents.append(part)
        }
        return contents
    }
}

/// Runs the body of a command: a failure is told on standard error and becomes the exit code.
func reporting(_ body: () async throws -> Void) async throws {
    do {
        try await body()
    } catch let failure as ClientFailure {
        Console.note("fluxgate: \(failure.message)")
        throw ExitCode(failure.status.rawValue)
    }
}
