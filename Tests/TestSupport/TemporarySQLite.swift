package import SQL
package import SQLiteDriver

/// A database file of its own, which goes with the last reference.
package final class TemporarySQLite: TemporaryDatabase {
    private let folder: TemporaryFolder
    package let database: SQLiteDatabase

    package init() throws {
        self.folder = try TemporaryFolder()
        self.database = try SQLiteDatabase(path: folder.path + "/test.db")
    }

    /// A second connection pool on the same file.
    package func another() throws -> any SQLDatabase { try SQLiteDatabase(path: folder.path + "/test.db") }
}
