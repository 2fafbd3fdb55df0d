package import Logging
internal import Model
internal import NIOCore

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
    private let fetches: StreamFetches
    let name: String
    /// How far a reader of the largest messages may be ahead, so that the client library holds them all if they aren't too large for that.
    let narrowWindow: Int
    private let keeper: StreamKeeper

    package init(_ connection: NATSConnection, name: String, limits: Limits, logger: Logger) {
        self.name = name
        jetStream = JetStream(connection)
        fetches = StreamFetches(connection)
        let configuration: JSONObject = [
            "subjects": ["channel.>"], "retention": "limits", "discard": "old",
            "max_bytes": .integer(Int64(limits.bytes)),
            "max_age": .integer(limits.age.milliseconds * 1_000_000),
        ]
        keeper = StreamKeeper(jetStream, name: name, configuration, logger: logger)
        narrowWindow = min(
            StreamReading.window,
            max(16, NATSHandle.maximumPendingBytes / max(1, connection.largestPayload))
        )
    }

    /// Why nothing can be stored; nil if it can, as far as is known.
    package var outage: String? { keeper.outage }

    /// Looks after the stream until the task is canceled.
    package func watch() async { await keeper.watch() }

    // MARK: What is in it

    /// The number of the message that was stored last; 0 if there is none, or no stream.
    func lastSequence() async throws(JetStreamError) -> UInt64 { try await jetStream.lastSequence(of: name) }

    /// What an answer to ``infoSubject`` says of it; nil if it says nothing.
    static func lastSequence(in answer: ByteBuffer) -> UInt64? {
        do throws(JetStreamError) {
            return JetStream.lastSequence(in: try JetStreamError.check(answer, "STREAM.INFO"))
        } catch {
            return error.isNoStream ? 0 : nil
        }
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

    /// Nil if there is none (any more).
    func message(at sequence: UInt64) async throws(JetStreamError) -> JetStream.Stored? {
        try await jetStream.message(of: name, ["seq": .integer(Int64(clamping: sequence))])
    }

    func count(_ subject: String, behind sequence: UInt64) async throws(JetStreamError) -> Int {
        try await jetStream.count(subject, of: name, behind: sequence)
    }

    /// What reads the messages of a subject, which may have wildcards, behind a sequence; to be closed.
    func cursor(_ subject: String, behind sequence: UInt64, portion: Int) -> StreamCursor {
        StreamCursor(subject, of: name, behind: sequence, portion: portion)
    }

    /// Nil if there is none (yet).
    func next(of cursor: inout StreamCursor) async throws(JetStreamError) -> JetStream.Stored? {
        try await cursor.next(jetStream, fetches)
    }

    func close(_ cursor: StreamCursor) { cursor.close(fetches) }

    // MARK: JetStream

    private func subject(of verb: String) -> String { JetStream.subject(of: verb, name) }

    private func ask(
        _ verb: String,
        _ request: JSONObject = [:],
        consumer: String? = nil
    ) async throws(JetStreamError) -> JSONObject {
        try await jetStream.ask(verb, of: consumer.map { "\(name).\($0)" } ?? name, request)
    }
}
