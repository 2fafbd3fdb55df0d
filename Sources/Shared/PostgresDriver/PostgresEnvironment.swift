internal import Foundation

/// What libpq would read by itself.
enum PostgresEnvironment {
    /// Takes libpq's `PG*` variables out of the process, once.
    ///
    /// Most are overruled by what a connection is told. But `PGSERVICE` can't be, and a newer libpq may have more of
    /// them.
    static func clear() { cleared }

    private static let cleared: Void = {
        // Usually there are none, and then nothing is changed that another thread could be reading.
        for name in ProcessInfo.processInfo.environment.keys where name.hasPrefix("PG") { unsetenv(name) }
    }()
}
