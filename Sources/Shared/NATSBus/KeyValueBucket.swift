package import Logging
internal import Model
package import NIOCore

/// A bucket of JetStream's (NATS, ADR-8): the last value of each key, changed by who knows the one before it; made if it is missing.
package final class KeyValueBucket: Sendable {
    package struct Entry: Sendable {
        package let value: ByteBuffer
        package let revision: UInt64
    }

    package enum Failure: Error, Equatable {
        /// It can't be read or written now.
        case unavailable(String)
        /// Somebody has changed the key meanwhile.
        case overtaken
    }

    private let jetStream: JetStream
    private let stream: String
    private let prefix: String
    private let keeper: StreamKeeper

    /// - Parameters:
    ///   - name: letters, digits, `-` and `_`.
    ///   - maximumAge: how long a value is kept that nobody changes; nil: for ever.
    package init(_ connection: NATSConnection, name: String, maximumAge: Duration?, logger: Logger) {
        jetStream = JetStream(connection)
        (stream, prefix) = ("KV_\(name)", "$KV.\(name).")
        let configuration: JSONObject = [
            "subjects": .array([.string(prefix + ">")]), "retention": "limits", "discard": "new",
            "max_msgs_per_subject": 1, "allow_rollup_hdrs": true, "deny_delete": true, "allow_direct": true,
            "max_age": .integer(maximumAge.map { $0.milliseconds * 1_000_000 } ?? 0),
        ]
        keeper = StreamKeeper(jetStream, name: stream, configuration, logger: logger)
    }

    /// Why it can't be used; nil if it can, as far as is known.
    package var outage: String? { keeper.outage }

    /// Looks after the bucket until the task is canceled.
    package func watch() async { await keeper.watch() }

    // MARK: Values

    /// - Parameter key: levels without wildcards and blanks, joined with dots.
    package func get(_ key: String) async throws(Failure) -> Entry? {
        try await failing { () async throws(JetStreamError) in
            try await jetStream.message(of: stream, ["last_by_subj": .string(prefix + key)])
                .flatMap { found in
                    // What others removed leaves a marker.
                    found.headers.contains("KV-Operation:")
                        ? nil : Entry(value: found.payload, revision: found.sequence)
                }
        }
    }

    /// Writes a value over the one of that revision; 0: there must be none. Answers its revision.
    package func put(_ value: ByteBuffer, for key: String, over revision: UInt64) async throws(Failure) -> UInt64 {
        try await failing { () async throws(JetStreamError) in
            try await jetStream.store(
                value,
                as: prefix + key,
                headers: ["Nats-Expected-Last-Subject-Sequence": "\(revision)"]
            )
        }
    }

    /// Writes a value whatever is there.
    package func set(_ value: ByteBuffer, for key: String) async throws(Failure) {
        try await failing { () async throws(JetStreamError) in
            _ = try await jetStream.store(value, as: prefix + key, headers: [:])
        }
    }

    /// Removes the value up to that revision; what was written after it stays. Nil: whatever is there.
    package func remove(_ key: String, upTo revision: UInt64? = nil) async throws(Failure) {
        try await failing { () async throws(JetStreamError) in
            try await jetStream.remove(prefix + key, from: stream, upTo: revision)
        }
    }

    /// The keys below one, up to 100,000.
    package func keys(below key: String) async throws(Failure) -> [String] {
        try await failing { () async throws(JetStreamError) in
            let answer = try await jetStream.ask(
                "STREAM.INFO",
                of: stream,
                ["subjects_filter": .string("\(prefix)\(key).>")]
            )
            guard case .object(let state)? = answer["state"], case .object(let subjects)? = state["subjects"] else {
                return []
            }
            return subjects.keys.map { String($0.dropFirst(prefix.count)) }
        }
    }

    private func failing<Answer>(_ body: () async throws(JetStreamError) -> Answer) async throws(Failure) -> Answer {
        do throws(JetStreamError) {
            return try await body()
        } catch {
            throw error.isOvertaken ? .overtaken : .unavailable("\(error)")
        }
    }
}
