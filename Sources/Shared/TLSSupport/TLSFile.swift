package import NIOSSL

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Reads certificates and keys from files in PEM form.
package enum TLSFile {
    package static func certificates(
        in path: String,
        _ role: TLSFileError.Role
    ) throws(TLSFileError) -> [NIOSSLCertificate] {
        guard access(path, R_OK) == 0 else { throw TLSFileError(role, path, "can't be read") }
        guard let certificates = try? NIOSSLCertificate.fromPEMFile(path), !certificates.isEmpty else {
            throw TLSFileError(role, path, "holds no certificate in PEM form, or a broken one")
        }
        return certificates
    }

    package static func privateKey(in path: String) throws(TLSFileError) -> NIOSSLPrivateKey {
        guard access(path, R_OK) == 0 else { throw TLSFileError(.key, path, "can't be read") }
        guard let key = try? NIOSSLPrivateKey(file: path, format: .pem) else {
            throw TLSFileError(.key, path, "holds no private key in PEM form, or an encrypted one")
        }
        return key
    }
}
