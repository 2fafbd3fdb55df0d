internal import ArgumentParser
internal import Bootstrap
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOSSL
internal import TLSSupport

/// Asks a running program on its operator's port whether it is ready, for those who start and restart it.
package enum HealthCheck {
    /// Prints the answer. Exits with 1 unless the program is ready.
    static func run(_ settings: ProgramSettings) async throws {
        let host = ["0.0.0.0", "::"].contains(settings.ops.host) ? "127.0.0.1" : settings.ops.host
        let answer = try await ask(host: host, port: settings.ops.port, isSecure: settings.opsTLS != nil)
        print(answer.body.trimmingPrefix { $0.isWhitespace })
        if answer.status != 200 { throw ExitCode(1) }
    }

    /// Whether the program that has this port on the loopback address is ready.
    package static func isReady(port: Int, isSecure: Bool) async -> Bool {
        (try? await ask(host: "127.0.0.1", port: port, isSecure: isSecure))?.status == 200
    }

    private static func ask(host: String, port: Int, isSecure: Bool) async throws -> (status: UInt, body: String) {
        // It asks its own machine: whose certificate it is doesn't matter.
        var client = TLSConfiguration.makeClientConfiguration()
        client.certificateVerification = .none
        let context = isSecure ? try NIOSSLContext(configuration: client) : nil
        let channel = try await ClientBootstrap(group: NIOSingletons.posixEventLoopGroup)
            .connectTimeout(.seconds(2))
            .connect(host: host, port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if let context {
                        try pipeline.addHandler(NIOSSLClientHandler(context: context, serverHostname: nil))
                    }
                    try pipeline.addHTTPClientHandlers()
                    return try NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>(
                        wrappingChannelSynchronously: channel
                    )
                }
            }
        // A program that accepts and never answers isn't ready.
        channel.channel.eventLoop.scheduleTask(in: .seconds(2)) { channel.channel.close(promise: nil) }
        return try await channel.executeThenClose { inbound, outbound in
            var head = HTTPRequestHead(version: .http1_1, method: .GET, uri: "/health/ready")
            head.headers = ["Host": host, "Connection": "close"]
            // In one go: the answer may come, and the connection end, before a second part is written.
            try await outbound.write(contentsOf: [.head(head), .end(nil)])
            var (status, body): (UInt, String) = (503, "")
            for try await part in inbound {
                switch part {
                case .head(let head): status = head.status.code
                case .body(let bytes): body += String(buffer: bytes)
                case .end: return (status, body)
                }
            }
            return (503, body)
        }
    }
}
