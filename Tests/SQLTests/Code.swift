import PostgresDriver
import SQL

/// The code of the error that the work ends with; nil if it ends well.
func code(of work: () async throws -> some Any) async -> SQLError.Code? {
    do {
        _ = try await work()
        return nil
    } catch {
        return (error as? SQLError)?.code
    }
}

/// Waits until the condition holds; how long, the suite's time limit says.
func until(_ condition: () async throws -> Bool) async throws {
    while try await !condition() {
        try Task.checkCancellation()
        await Task.yield()
    }
}

/// How many of the server's sessions with this name are in one of these states; in any if none is given.
func sessions(_ name: String, _ states: [String] = [], on configuration: PostgresConfiguration) async throws -> Int {
    let admin = PostgresDatabase(configuration)
    return try await admin.read { session in
        let rows = try session.query("SELECT state FROM pg_stat_activity WHERE application_name = $1", [.text(name)])
        return try rows.filter { try states.isEmpty || states.contains($0.text("state")) }.count
    }
}

let inTransaction = ["idle in transaction", "idle in transaction (aborted)"]
