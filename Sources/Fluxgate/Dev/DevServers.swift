internal import Foundation

/// A private PostgreSQL with the two databases.
struct DevPostgres {
    static let user = "fluxgate"
    let port: Int
    let password: String
    private let folder: DevFolder
    private let bin: String

    /// Prepares the data folder, if that isn't done.
    init(port: Int, folder: DevFolder) throws {
        self.port = port
        self.folder = folder
        password = try folder.kept("postgres.password") { UUID().uuidString }
        bin = try Self.findPrograms()
        guard !FileManager.default.fileExists(atPath: data + "/PG_VERSION") else { return }
        try FileManager.default.createDirectory(atPath: data, withIntermediateDirectories: true)
        // The server's user must be able to read it, once.
        let passwords = "\(data).password"
        let isWritten = FileManager.default.createFile(
            atPath: passwords,
            contents: Data(password.utf8),
            attributes: [.posixPermissions: 0o600]
        )
        guard isWritten else { throw DevError("\(passwords) can't be written") }
        defer { try? FileManager.default.removeItem(atPath: passwords) }
        if getuid() == 0 { try DevProcess.run(["chown", "postgres", data, passwords]) }
        try DevProcess.run(["chmod", "0700", data])
        try DevProcess.run(
            [
                "\(bin)/initdb", "--pgdata=\(data)", "--username=\(Self.user)", "--pwfile=\(passwords)",
                "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync",
            ],
            asServer: true
        )
        try DevProcess.run(
            ["\(bin)/postgres", "--single", "-D", data, "postgres"],
            asServer: true,
            input: "CREATE DATABASE users;\nCREATE DATABASE things;\n"
        )
    }

    private var data: String { "\(folder.path)/postgres" }

    func start(_ environment: [String: String]) throws -> DevProcess {
        try DevProcess(
            "postgres",
            [
                "\(bin)/postgres", "-D", data, "-p", "\(port)", "-c", "listen_addresses=127.0.0.1", "-c",
                "unix_socket_directories=\(data)", "-c", "max_connections=200",
            ],
            environment: environment,
            folder: folder,
            asServer: true
        )
    }

    /// Debian keeps the server's programs out of the path.
    private static func findPrograms() throws -> String {
        let path = ProcessInfo.processInfo.environment["PATH"]?.split(separator: ":").map(String.init) ?? []
        let root = "/usr/lib/postgresql"
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
        let packaged = versions.compactMap { Int($0) }.sorted(by: >).map { "\(root)/\($0)/bin" }
        guard
            let found = (path + packaged).first(where: { FileManager.default.isExecutableFile(atPath: "\($0)/initdb") })
        else { throw DevError("there is no PostgreSQL server: install the package postgresql") }
        return found
    }
}

/// A private nats-server.
enum DevNATS {
    static func start(port: Int, folder: DevFolder, environment: [String: String]) throws -> DevProcess {
        try DevProcess(
            "nats-server",
            ["nats-server", "-a", "127.0.0.1", "-p", "\(port)"],
            environment: environment,
            folder: folder
        )
    }
}
