package import Logging
internal import Model
package import NIOCore
internal import Synchronization

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
    private let maximumAge: Duration?
    private let logger: Logger
    private let problem = Mutex<String?>("not asked for yet")

    /// - Parameters:
    ///   - name: letters, digits, `-` and `_`.
    ///   - maximumAge: how long a value is kept that nobody changes; nil: for ever.
    package init(_ connection: NATSConnection, name: String, maximumAge: Duration?, logger: Logger) {
        jetStream = JetStream(connection)
        (stream, prefix) = ("KV_\(name)", "$KV.\(name).")
        self.maximumAge = maximumAge
        self.logger = logger
    }

    /// Why it can't be used; nil if it can, as far as is known.
    package var outage: String? { problem.withLock { $0 } }

    /// Looks after the bucket until the task is canceled.
    package func watch() async {
        while !Task.isCancelled {
            var found: String?
            do { try await prepare() } catch { found = "\(error)" }
            let isNew = problem.withLock { problem in
                defer { problem = found }
                return problem != found
            }
            if isNew, let found {
                logger.warning("no bucket", metadata: ["stream": "\(stream)", "reason": "\(found)"])
            }
            try? await Task.sleep(for: found == nil ? .seconds(5) : .milliseconds(500))
        }
    }

    private func prepare() async throws(JetStreamError) {
        do throws(JetStreamError) {
            _ = try await jetStream.ask("STREAM.INFO", of: stream)
        } catch {
            guard error.isNoStream else { throw error }
            _ = try await jetStream.ask("STREAM.CREATE", of: stream, configuration)
            logger.info("bucket made", metadata: ["stream": "\(stream)"])
        }
    }

    private var configuration: JSONObject {
        [
            "name": .string(stream), "subjects": .array([.string(prefix + ">")]), "storage": "file",
            "retention": "limits", "discard": "new", "max_msgs_per_subject": 1, "allow_rollup_hdrs": true,
            "deny_delete": true, "allow_direct": true, "num_replicas": 1,
            "max_age": .integer(maximumAge.map { $0.milliseconds * 1_000_000 } ?? 0),
        ]
    }

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

    /// Removes the value up to that revision; what was written after it stays.
    package func remove(_ key: String, upTo revision: UInt64) async throws(Failure) {
        try await failing { () async throws(JetStreamError) in
            _ = try await jetStream.ask(
                "STREAM.PURGE",
                of: stream,
                ["filter": .string(prefix + key), "seq": .integer(Int64(clamping: revision) &+ 1)]
            )
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
