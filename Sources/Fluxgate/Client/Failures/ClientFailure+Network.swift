internal import AsyncHTTPClient
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOSSL

extension ClientFailure {
    /// An error of the network or of what is on its other side.
    package init(_ action: String, at address: ServiceAddress, _ error: any Error) {
        if let failure = error as? ClientFailure {
            self = failure
        } else if error is HTTPParserError {
            self.init(.protocolError, "\(action): \(address) doesn't speak HTTP.")
        } else if error is NIOTooManyBytesError {
            self.init(.protocolError, "\(action): the answer of \(address) is too long.")
        } else if let reason = Self.tlsReason(of: error) {
            self.init(.protocolError, "\(action): no TLS with \(address): \(reason).")
        } else {
            self.init(.unavailable, "\(action): can't reach \(address): \(Self.reason(of: error)).")
        }
    }

    private static func reason(of error: any Error) -> String {
        switch error {
        case let error as NIOConnectionError: reason(of: error)
        case let error as HTTPClientError: error.shortDescription.lowercasedFirst
        case let error as IOError: error.words
        case is ChannelError: "the connection was lost"
        default: String(describing: error)
        }
    }

    /// Why TLS failed, if it did.
    private static func tlsReason(of error: any Error) -> String? {
        switch error {
        case NIOSSLError.handshakeFailed(.sslError(let stack)): stack.last.map(\.words)
        case BoringSSLError.sslError(let stack): stack.last.map(\.words)
        case is NIOSSLExtraError: "its certificate is for another host"
        case is NIOSSLError: "\(error)"
        default: nil
        }
    }

    private static func reason(of error: NIOConnectionError) -> String {
        if let failure = error.connectionErrors.first { return reason(of: failure.error) }
        return "there is no host of that name"
    }
}

extension IOError {
    /// What the system calls the error, without the call that met it and its number.
    fileprivate var words: String {
        let text = description.split(separator: " (errno").first ?? ""
        guard let words = text.split(separator: ": ").last else { return description }
        return String(words.filter { $0 != ")" }).lowercasedFirst
    }
}

extension BoringSSLInternalError {
    /// `certificate verify failed` of `Error: … :OPENSSL_internal:CERTIFICATE_VERIFY_FAILED at …`.
    fileprivate var words: String {
        let name = description.split(separator: ":").drop { $0 != "OPENSSL_internal" }.dropFirst().first ?? ""
        return name.isEmpty ? description : name.prefix { $0 != " " }.lowercased().replacing("_", with: " ")
    }
}

extension String {
    fileprivate var lowercasedFirst: String { prefix(1).lowercased() + dropFirst() }
}
