internal import Logging
internal import Model
internal import Synchronization

/// Looks after a stream of JetStream's: makes it if it is missing, leaves it as it is if it is there, and knows whether it can be used.
final class StreamKeeper: Sendable {
    private let jetStream: JetStream
    private let name: String
    private let configuration: JSONObject
    private let logger: Logger
    private let problem = Mutex<String?>("not asked for yet")

    /// - Parameter configuration: as the server's `STREAM.CREATE` has it, but for the name.
    init(_ jetStream: JetStream, name: String, _ configuration: JSONObject, logger: Logger) {
        self.jetStream = jetStream
        self.name = name
        self.configuration = configuration.merging(["name": .string(name), "storage": "file", "num_replicas": 1]) {
            own,
            _ in own
        }
        self.logger = logger
    }

    /// Why it can't be used; nil if it can, as far as is known.
    var outage: String? { problem.withLock { $0 } }

    /// Looks after it until the task is canceled.
    func watch() async {
        while !Task.isCancelled {
            var found: String?
            do { try await prepare() } catch { found = "\(error)" }
            let isNew = problem.withLock { problem in
                defer { problem = found }
                return problem != found
            }
            if isNew, let found {
                logger.warning("no stream", metadata: ["stream": "\(name)", "reason": "\(found)"])
            }
            try? await Task.sleep(for: found == nil ? .seconds(5) : .milliseconds(500))
        }
    }

    private func prepare() async throws(JetStreamError) {
        do throws(JetStreamError) {
            _ = try await jetStream.ask("STREAM.INFO", of: name)
        } catch {
            guard error.isNoStream else { throw error }
            _ = try await jetStream.ask("STREAM.CREATE", of: name, configuration)
            logger.info("stream made", metadata: ["stream": "\(name)"])
        }
    }
}
