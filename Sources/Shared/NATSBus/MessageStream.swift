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

    /// How often a consumer says that it is there.
    static let heartbeat = Duration.seconds(5)

    private let jetStream: JetStream
    private let name: String
    private let limits: Limits
    /// How far a reader of the largest messages may be ahead, so that the client library holds them all if they aren't too large for that.
    let narrowWindow: Int
    private let logger: Logger
    private let problem = Mutex<String?>("not asked for yet")

    package init(_ connection: NATSConnection, name: String, limits: Limits, logger: Logger) {
        (self.name, self.limits, self.logger) = (name, limits, logger)
        jetStream = JetStream(connection)
        narrowWindow = min(
            StreamReading.window,
            max(16, NATSHandle.maximumPendingBytes / max(1, connection.largestPayload))
        )
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

    // MARK: What is in it

    /// The number of the message that was stored last; 0 if there is none, or no stream.
    func lastSequence() async throws -> UInt64 {
        do throws(JetStreamError) {
            guard let last = Self.lastSequence(in: try await ask("STREAM.INFO")) else { throw JetStreamError.off }
            return last
        } catch {
            guard error.isNoStream else { throw error }
            return 0
        }
    }

    /// What an answer to ``infoSubject`` says of it; nil if it says nothing.
    static func lastSequence(in answer: ByteBuffer) -> UInt64? {
        do throws(JetStreamError) {
            return lastSequence(in: try JetStreamError.check(answer, "STREAM.INFO"))
        } catch {
            return error.isNoStream ? 0 : nil
        }
    }

    private static func lastSequence(in members: JSONObject) -> UInt64? {
        guard case .object(let state)? = members["state"], case .integer(let last)? = state["last_seq"] else {
            return nil
        }
        return UInt64(clamping: last)
    }

    /// Where the server tells of the stream.
    var infoSubject: String { subject(of: "STREAM.INFO") }

    /// Has everything from that number on sent to the subject, until ``stopReading(_:)`` or until nobody listens there any more.
    ///
    /// - Parameters:
    ///   - filter: only what was published to this subject, which may have wildcards.
    ///   - window: how many messages it may be ahead of what is acknowledged.
    func read(
        from first: UInt64,
        filter: String?,
        window: Int,
        to subject: String
    ) async throws -> (consumer: String, pending: UInt64) {
        var configuration: JSONObject = [
            "deliver_subject": .string(subject), "deliver_policy": "by_start_sequence",
            "opt_start_seq": .integer(Int64(clamping: max(1, first))), "ack_policy": "all",
            "ack_wait": .integer(60_000_000_000), "max_ack_pending": .integer(Int64(window)),
            "replay_policy": "instant", "idle_heartbeat": .integer(Self.heartbeat.milliseconds * 1_000_000),
            "inactive_threshold": .integer(10_000_000_000),
        ]
        configuration["filter_subject"] = filter.map { .string($0) }
        let request: JSONObject = ["stream_name": .string(name), "config": .object(configuration)]
        let answer = try await ask("CONSUMER.CREATE", request)
        guard case .string(let consumer)? = answer["name"], case .integer(let pending)? = answer["num_pending"] else {
            throw JetStreamError.off
        }
        return (consumer, UInt64(clamping: pending))
    }

    func stopReading(_ consumer: String) async throws { _ = try await ask("CONSUMER.DELETE", consumer: consumer) }

    /// The first message of a subject, which may have wildcards, behind a sequence.
    func message(of subject: String, behind sequence: UInt64) async throws(JetStreamError) -> JetStream.Stored? {
        let first = Int64(clamping: sequence).addingReportingOverflow(1).partialValue
        return try await jetStream.message(of: name, ["next_by_subj": .string(subject), "seq": .integer(first)])
    }

    // MARK: JetStream

    private func prepare() async throws {
        do throws(JetStreamError) {
            _ = try await ask("STREAM.INFO")
        } catch {
            guard error.isNoStream else { throw error }
            _ = try await ask("STREAM.CREATE", configuration)
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

    private func subject(of verb: String) -> String { JetStream.subject(of: verb, name) }

    private func ask(
        _ verb: String,
        _ request: JSONObject = [:],
        consumer: String? = nil
    ) async throws(JetStreamError) -> JSONObject {
        try await jetStream.ask(verb, of: consumer.map { "\(name).\($0)" } ?? name, request)
    }
}
