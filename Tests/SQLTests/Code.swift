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
