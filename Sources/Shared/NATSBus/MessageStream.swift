package import Logging
internal import Model
internal import NIOCore
internal import Synchronization

/// The JetStream stream that keeps what is published: `channel.>` on file storage, within limits; made if it is missing, and left
/// as it is if it is there.
package final class MessageStream: Sendable {
    /// What a stream that is made may keep; the oldest goes first.
    package struct Limits: Sendable {
        package let bytes: Int
        package let age: Duration

        package init(bytes: Int, age: Duration) { (self.bytes, self.age) = (bytes, age) }
    }

    private static let timeout = Duration.seconds(2)

    private let connection: NATSConnection
    private let name: String
    private let limits: Limits
    private let logger: Logger
    private let problem = Mutex<String?>("not asked for yet")

    package init(_ connection: NATSConnection, name: String, limits: Limits, logger: Logger) {
        (self.connection, self.name, self.limits, self.logger) = (connection, name, limits, logger)
    }

    /// Why nothing can be stored; nil if it can, as far as is known.
    package var outage: String? { problem.withLock { $0 } }

    /// Looks after the stream until the task is canceled.
    package func watch() async {
        while !Task.isCancelled {
            do {
                try await prepare()
                problem.withLock { $0 = nil }
            } catch {
                let isNew = problem.withLock { problem in
                    defer { problem = "\(error)" }
                    return problem != "\(error)"
                }
                if isNew { logger.warning("no stream", metadata: ["stream": "\(name)", "reason": "\(error)"]) }
            }
            try? await Task.sleep(for: outage == nil ? .seconds(5) : .milliseconds(500))
        }
    }

    private func prepare() async throws {
        if let error = try await ask("INFO", [:]) {
            // "stream not found": https://docs.nats.io/reference/reference-protocols/nats_api_reference
            guard error == 10_059 else { throw NATSError("JetStream refuses to tell of the stream: \(error)") }
            if let error = try await ask("CREATE", configuration) {
                throw NATSError("JetStream refuses to make the stream: \(error)")
            }
            logger.info("stream made", metadata: ["stream": "\(name)"])
        }
    }

    private var configuration: JSONObject {
        [
            "name": .string(name), "subjects": .array([.string("channel.>")]), "storage": "file",
            "retention": "limits", "discard": "old", "max_bytes": .integer(Int64(limits.bytes)),
            "max_age": .integer(limits.age.milliseconds * 1_000_000), "num_replicas": .integer(1),
        ]
    }

    /// Answers the code of an error, if there is one.
    private func ask(_ verb: String, _ request: JSONObject) async throws -> Int64? {
        let answer = try await connection.request(
            ByteBuffer(string: request.isEmpty ? "" : JSONValue.object(request).text),
            to: "$JS.API.STREAM.\(verb).\(name)",
            timeout: Self.timeout
        )
        guard case .object(let members)? = try? JSONValue(parsing: String(buffer: answer)) else {
            throw NATSError("JetStream is off")
        }
        guard case .object(let error)? = members["error"] else { return nil }
        if case .integer(let code)? = error["err_code"] { return code }
        return 0
    }
}
