package import Bootstrap
internal import Foundation
internal import Model
package import NATSBus

extension NATSConfiguration {
    /// Reads `MF_NATS_URL` and the variables beside it. Throws if a file that is named can't be read.
    ///
    /// - Parameter name: the program's.
    package init(_ variables: Variables, name: String) throws(ConfigurationError) {
        self.init(servers: variables.addresses("MF_NATS_URL", default: "nats://localhost:4222"))
        self.name = name
        let urls = servers.compactMap { URL(string: $0.revealed) }
            .filter { ["nats", "tls"].contains($0.scheme) && $0.host?.isEmpty == false }
        guard !urls.isEmpty, urls.count == servers.count else {
            throw ConfigurationError(
                "MF_NATS_URL",
                "expected nats://host:port or tls://host:port, or several with commas"
            )
        }
        user = variables.optionalString("MF_NATS_USER")
        password = variables.secret("MF_NATS_PASS")
        token = variables.secret("MF_NATS_TOKEN")
        credentials = try variables.readableFile("MF_NATS_CREDENTIALS")
        authorities = try variables.readableFile("MF_NATS_CA_CERTS")
        guard password == nil || user != nil else {
            throw ConfigurationError("MF_NATS_USER", "is missing beside MF_NATS_PASS")
        }
    }

    /// Where it is, for people.
    package var summary: String {
        servers.compactMap { URL(string: $0.revealed) }
            .map { "\($0.scheme ?? "nats")://\($0.host ?? ""):\($0.port ?? 4222)" }
            .joined(separator: ",")
    }
}

extension Variables {
    /// The path of a file that can be read; nil if none is named.
    package func readableFile(_ name: String) throws(ConfigurationError) -> String? {
        guard let path = optionalString(name) else { return nil }
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), !isFolder.boolValue,
            FileManager.default.contents(atPath: path) != nil
        else { throw ConfigurationError(name, path, "a file that can be read") }
        return path
    }
}
