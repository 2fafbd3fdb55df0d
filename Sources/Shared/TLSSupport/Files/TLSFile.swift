package import NIOSSL

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Reads certificates and keys from files in PEM form.
package enum TLSFile {
    /// Most bytes of a file; nobody has so many authorities.
    static let maximumSize = 16 << 20

    package static func certificates(
        in path: String,
        _ role: TLSFileError.Role
    ) throws(TLSFileError) -> [NIOSSLCertificate] {
        try certificates(bytes(of: path, role), path, role)
    }

    static func certificates(
        _ bytes: [UInt8],
        _ path: String,
        _ role: TLSFileError.Role
    ) throws(TLSFileError) -> [NIOSSLCertificate] {
        guard let certificates = try? NIOSSLCertificate.fromPEMBytes(bytes), !certificates.isEmpty else {
            throw TLSFileError(role, path, "holds no certificate in PEM form, or a broken one")
        }
        return certificates
    }

    package static func privateKey(in path: String) throws(TLSFileError) -> NIOSSLPrivateKey {
        try privateKey(bytes(of: path, .key), path)
    }

    static func privateKey(_ bytes: [UInt8], _ path: String) throws(TLSFileError) -> NIOSSLPrivateKey {
        guard let key = try? NIOSSLPrivateKey(bytes: bytes, format: .pem) else {
            throw TLSFileError(.key, path, "holds no private key in PEM form, or an encrypted one")
        }
        return key
    }

    /// A folder has none.
    static func bytes(of path: String, _ role: TLSFileError.Role) throws(TLSFileError) -> [UInt8] {
        guard access(path, R_OK) == 0, let bytes = read(path, limit: maximumSize) else {
            throw TLSFileError(role, path, "can't be read")
        }
        return bytes
    }

    /// Nil if it can't be read, or is longer than that.
    static func read(_ path: String, limit: Int) -> [UInt8]? {
        guard let file = fopen(path, "re") else { return nil }
        defer { fclose(file) }
        var facts = stat()
        guard fstat(fileno(file), &facts) == 0 else { return nil }
        // As much as there is likely to be, and one byte more to see the end.
        let expected = min(max(0, Int(facts.st_size)), limit) + 1
        var bytes: [UInt8] = []
        while bytes.count <= limit {
            let room = bytes.isEmpty ? expected : min(1 << 16, limit + 1 - bytes.count)
            let part = [UInt8](unsafeUninitializedCapacity: room) { buffer, count in
                count = fread(buffer.baseAddress, 1, room, file)
            }
            bytes = bytes.isEmpty ? part : bytes + part
            if part.count < room { break }
        }
        return ferror(file) == 0 && bytes.count <= limit ? bytes : nil
    }
}

/// Which version of a file a path leads to, as far as can be told without reading it.
///
/// Symbolic links are followed, so that the switch of a link is seen, as where Kubernetes replaces a folder of secrets.
struct FileMark: Sendable, Equatable {
    private let device: UInt64
    private let inode: UInt64
    private let size: Int64
    private let modified: [Int64]
    let isFolder: Bool

    /// Nil if there is none.
    init?(_ path: String) {
        var facts = stat()
        guard stat(path, &facts) == 0 else { return nil }
        device = UInt64(truncatingIfNeeded: facts.st_dev)
        inode = UInt64(facts.st_ino)
        size = Int64(facts.st_size)
        #if canImport(Glibc)
            let (written, changed) = (facts.st_mtim, facts.st_ctim)
        #else
            let (written, changed) = (facts.st_mtimespec, facts.st_ctimespec)
        #endif
        modified = [written, changed].flatMap { [Int64($0.tv_sec), Int64($0.tv_nsec)] }
        isFolder = facts.st_mode & S_IFMT == S_IFDIR
    }
}

/// Why TLS can't be served with the files that were named.
package struct TLSFileError: Error, Equatable, CustomStringConvertible {
    package enum Role: Sendable {
        case certificate, key, clientAuthorities, proxyAuthorities, revocationLists
    }

    package let role: Role
    package let path: String
    package let problem: String

    init(_ role: Role, _ path: String, _ problem: String) {
        self.role = role
        self.path = path
        self.problem = problem
    }

    package var description: String { "\(path) \(problem)" }
}
