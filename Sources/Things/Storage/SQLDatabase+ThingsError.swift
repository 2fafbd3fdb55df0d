internal import Logging
internal import SQL
internal import ThingsCore

/// Where the database's errors become ours; what isn't named here stays what it is.
extension SQLDatabase {
    func reading<Value: Sendable>(
        once: Bool = false,
        _ body: @escaping @Sendable (any SQLSession) throws -> Value
    ) async throws -> Value {
        do {
            return try await read(once: once, body)
        } catch let error as SQLError where error.code == .unavailable {
            throw ThingsError.unavailable(because: error)
        }
    }

    /// - Parameters:
    ///   - lock: what the transaction has to itself, if anything.
    ///   - duplicate: what it means that a row with the same unique value exists.
    func changing<Value: Sendable>(
        as lock: DatabaseLock? = nil,
        onDuplicate duplicate: ThingsError? = nil,
        _ body: @escaping @Sendable (any SQLSession) throws -> Value
    ) async throws -> Value {
        do {
            guard let lock else { return try await write(body) }
            return try await writeAlone(as: lock, body)
        } catch let error as SQLError {
            switch error.code {
            case .uniqueViolation: throw duplicate ?? error
            // An end of a connection was removed at the same moment.
            case .foreignKeyViolation: throw ThingsError.notFound
            case .unavailable: throw ThingsError.unavailable(because: error)
            case .malformedRow, .failed: throw error
            }
        }
    }
}

extension ThingsError {
    fileprivate static func unavailable(because error: SQLError) -> Self {
        Logger.current.warning("database out of reach", metadata: ["error": "\(error)"])
        return .unavailable
    }
}
