internal import NIOCore

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// An address that the program listens on.
package struct ListenAddress: Sendable, Equatable, CustomStringConvertible {
    package let host: String
    package let port: Int

    package init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

/// Why a listener didn't open.
package struct ListenError: Error, CustomStringConvertible {
    package let description: String

    package init(_ name: String, _ address: ListenAddress, _ error: any Error) {
        self.description = "\(name) can't listen on \(address): \(reason(error))"
    }
}

/// The error in the operating system's words.
private func reason(_ error: any Error) -> String {
    guard let error = error as? IOError else { return "\(error)" }
    return String(cString: strerror(error.errnoCode))
}
