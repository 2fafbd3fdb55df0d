internal import Foundation
internal import Model
internal import NIOCore

/// The JSON interface of a server's JetStream.
/// https://docs.nats.io/reference/reference-protocols/nats_api_reference
struct JetStream: Sendable {
    /// A message of a stream.
    struct Stored {
        let subject: String
        let sequence: UInt64
        /// As they go over the wire.
        let headers: String
        let payload: ByteBuffer
    }

    private static let timeout = Duration.seconds(2)

    private let connection: NATSConnection

    init(_ connection: NATSConnection) { self.connection = connection }

    static func subject(of verb: String, _ object: String) -> String { "$JS.API.\(verb).\(object)" }

    /// The sequence that comes after one.
    static func behind(_ sequence: UInt64) -> JSONValue {
        .integer(Int64(clamping: sequence).addingReportingOverflow(1).partialValue)
    }

    /// - Parameter object: what is asked about: a stream, or a stream and a consumer of it.
    func ask(_ verb: String, of object: String, _ request: JSONObject = [:]) async throws(JetStreamError) -> JSONObject
    {
        let body = ByteBuffer(string: request.isEmpty ? "" : JSONValue.object(request).text)
        return try JetStreamError.check(try await send(body, to: Self.subject(of: verb, object)), verb)
    }

    /// Stores a message. Answers its sequence.
    func store(
        _ payload: ByteBuffer,
        as subject: String,
        headers: [String: String]
    ) async throws(JetStreamError) -> UInt64 {
        let answer = try JetStreamError.check(try await send(payload, to: subject, headers), "PUBLISH")
        guard case .integer(let sequence)? = answer["seq"] else { throw .off }
        return UInt64(clamping: sequence)
    }

    /// Finds a message.
    ///
    /// - Parameter which: as the server's `STREAM.MSG.GET` has it.
    /// - Returns: nil if there is none.
    func message(of stream: String, _ which: JSONObject) async throws(JetStreamError) -> Stored? {
        let answer: JSONObject
        do throws(JetStreamError) {
            answer = try await ask("STREAM.MSG.GET", of: stream, which)
        } catch {
            guard error.isNoMessage else { throw error }
            return nil
        }
        guard case .object(let message)? = answer["message"], case .integer(let sequence)? = message["seq"],
            case .string(let subject)? = message["subject"]
        else { throw .off }
        return Stored(
            subject: subject,
            sequence: UInt64(clamping: sequence),
            headers: String(decoding: Self.bytes(message["hdrs"]), as: UTF8.self),
            payload: ByteBuffer(bytes: Self.bytes(message["data"]))
        )
    }

    /// Removes one message. (To purge its subject would take the consumers of others past what they haven't had: nats-server 2.9.)
    func removeMessage(at sequence: UInt64, from stream: String) async throws(JetStreamError) {
        do throws(JetStreamError) {
            _ = try await ask(
                "STREAM.MSG.DELETE",
                of: stream,
                ["seq": .integer(Int64(clamping: sequence)), "no_erase": true]
            )
        } catch {
            // It is gone.
            guard error.isNoMessage || error.isNoSequence else { throw error }
        }
    }

    /// Removes the messages of a subject, which may have wildcards.
    ///
    /// - Parameter sequence: what comes behind it stays; nil: all go.
    func remove(_ subject: String, from stream: String, upTo sequence: UInt64? = nil) async throws(JetStreamError) {
        var request: JSONObject = ["filter": .string(subject)]
        request["seq"] = sequence.map(Self.behind)
        _ = try await ask("STREAM.PURGE", of: stream, request)
    }

    /// The first message of a subject, which may have wildcards, behind a sequence.
    func message(
        _ subject: String,
        of stream: String,
        behind sequence: UInt64
    ) async throws(JetStreamError) -> Stored? {
        try await message(of: stream, ["next_by_subj": .string(subject), "seq": Self.behind(sequence)])
    }

    /// How many messages of a subject, which may have wildcards, there are behind a sequence.
    func count(
        _ subject: String,
        of stream: String,
        behind sequence: UInt64 = 0
    ) async throws(JetStreamError) -> Int {
        // A consumer knows how many there are for it.
        try await makeReader(of: subject, in: stream, behind: sequence, patience: .seconds(1)).pending
    }

    /// Makes a consumer of the messages of a subject, which may have wildcards, behind a sequence, that has nothing acknowledged.
    ///
    /// - Parameter patience: how long it lasts when nobody asks it.
    /// - Returns: its name, and how many messages there are for it.
    func makeReader(
        of subject: String,
        in stream: String,
        behind sequence: UInt64,
        patience: Duration
    ) async throws(JetStreamError) -> (name: String, pending: Int) {
        let configuration: JSONObject = [
            "filter_subject": .string(subject), "deliver_policy": "by_start_sequence",
            "opt_start_seq": Self.behind(sequence), "ack_policy": "none", "replay_policy": "instant",
            "inactive_threshold": .integer(patience.milliseconds * 1_000_000), "mem_storage": true,
        ]
        let request: JSONObject = ["stream_name": .string(stream), "config": .object(configuration)]
        let answer = try await ask("CONSUMER.CREATE", of: stream, request)
        guard case .string(let name)? = answer["name"], case .integer(let pending)? = answer["num_pending"] else {
            throw .off
        }
        return (name, Int(clamping: pending))
    }

    /// The number of the message that was stored last; 0 if there is none, or no stream.
    func lastSequence(of stream: String) async throws(JetStreamError) -> UInt64 {
        do throws(JetStreamError) {
            guard let last = Self.lastSequence(in: try await ask("STREAM.INFO", of: stream)) else { throw .off }
            return last
        } catch {
            guard error.isNoStream else { throw error }
            return 0
        }
    }

    /// What an answer to `STREAM.INFO` says of it.
    static func lastSequence(in members: JSONObject) -> UInt64? {
        guard case .object(let state)? = members["state"], case .integer(let last)? = state["last_seq"] else {
            return nil
        }
        return UInt64(clamping: last)
    }

    /// Left out if there are none.
    private static func bytes(_ value: JSONValue?) -> Data {
        guard case .string(let text)? = value else { return Data() }
        return Data(base64Encoded: text) ?? Data()
    }

    private func send(
        _ payload: ByteBuffer,
        to subject: String,
        _ headers: [String: String] = [:]
    ) async throws(JetStreamError) -> ByteBuffer {
        do throws(NATSError) {
            return try await connection.request(payload, to: subject, headers: headers, timeout: Self.timeout)
        } catch {
            throw error == .noResponders ? .off : .silent("\(error)")
        }
    }
}

/// Why JetStream didn't do what it was asked.
enum JetStreamError: Error, Equatable, CustomStringConvertible {
    /// No answer came.
    case silent(String)
    case off
    case refused(String, Int64)

    var description: String {
        switch self {
        case .silent(let reason): reason
        case .off: "JetStream is off"
        case .refused(let verb, let code): "JetStream refuses \(verb): \(code)"
        }
    }

    /// What an answer says, if that isn't an error.
    static func check(_ answer: ByteBuffer, _ verb: String) throws(JetStreamError) -> JSONObject {
        guard case .object(let members)? = try? JSONValue(parsing: String(buffer: answer)) else { throw .off }
        guard case .object(let error)? = members["error"] else { return members }
        if case .integer(let code)? = error["err_code"] { throw .refused(verb, code) }
        throw .refused(verb, 0)
    }

    /// There is no stream of that name.
    var isNoStream: Bool { hasCode(10_059) }

    /// The stream has no consumer of that name.
    var isNoConsumer: Bool { hasCode(10_014) }

    /// The stream has no message at that sequence.
    var isNoSequence: Bool { hasCode(10_043) || hasCode(10_057) }

    /// The stream has no such message.
    var isNoMessage: Bool { hasCode(10_037) }

    /// Somebody has stored something else meanwhile.
    var isOvertaken: Bool { hasCode(10_071) }

    private func hasCode(_ code: Int64) -> Bool {
        if case .refused(_, code) = self { true } else { false }
    }
}
