internal import Bootstrap
internal import Foundation
internal import Model

/// Where one process keeps its data: the database and the secrets that it made, for its owner only.
struct DataFolder {
    let path: String
    var databasePath: String { path + "/fluxgate.db" }

    private let lock: FileHandle

    /// Opens the folder, making it if it is missing. Throws ``ConfigurationError`` if another process uses it.
    init(path: String) throws {
        let files = FileManager.default
        // The database and what it puts beside itself are for the owner only, whatever the folder allows.
        umask(0o077)
        do {
            try files.createDirectory(
                atPath: path,
                withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700]
            )
        } catch {
            throw ConfigurationError("MF_DATA_DIR", path, "a folder that can be made or written")
        }
        self.path = URL(fileURLWithPath: path).standardizedFileURL.path
        let lockPath = self.path + "/lock"
        if !files.fileExists(atPath: lockPath) {
            _ = files.createFile(atPath: lockPath, contents: nil, attributes: [.posixPermissions: 0o600])
        }
        guard let handle = FileHandle(forUpdatingAtPath: lockPath) else {
            throw ConfigurationError("MF_DATA_DIR", path, "a folder that can be written")
        }
        guard flock(handle.fileDescriptor, LOCK_EX | LOCK_NB) == 0 else {
            throw ConfigurationError("MF_DATA_DIR", path, "a folder that no other process uses")
        }
        self.lock = handle
    }

    /// The secret kept under this name: 32 random bytes in base 64, made at the first start.
    func secret(_ name: String) throws -> Secret {
        let file = "\(path)/\(name).secret"
        if let text = try? String(contentsOfFile: file, encoding: .utf8) {
            let kept = text.trimmingCharacters(in: .whitespacesAndNewlines)
            guard !kept.isEmpty else { throw ConfigurationError("MF_DATA_DIR", "\(file) is empty") }
            return Secret(kept)
        }
        var generator = SystemRandomNumberGenerator()
        let bytes = (0..<4).flatMap { _ in withUnsafeBytes(of: generator.next() as UInt64) { Array($0) } }
        let made = Data(bytes).base64EncodedString()
        // Written whole beside its place and then moved there, so that a crash leaves no half of it.
        let draft = "\(file).new"
        try? FileManager.default.removeItem(atPath: draft)
        guard
            FileManager.default.createFile(
                atPath: draft,
                contents: Data((made + "\n").utf8),
                attributes: [.posixPermissions: 0o600]
            )
        else { throw ConfigurationError("MF_DATA_DIR", "\(file) can't be written") }
        try FileManager.default.moveItem(atPath: draft, toPath: file)
        return Secret(made)
    }
}
