internal import AsyncHTTPClient
internal import NIOCore
internal import NIOHTTP1
internal import TLSSupport

/// Fetches a revocation list over HTTP.
enum RevocationDownload {
    /// Most bytes of an answer; most of a list is a little less in PEM form.
    private static let maximumSize = 24 << 20
    private static let timeout = Duration.seconds(30)
    /// How soon it is tried again when it has failed.
    private static let retry = Duration.seconds(30)

    /// Fetches the list again and again; the first time soon, as the program's start may not have got it.
    static func run(_ tls: LiveTLS, _ source: RevocationSource) async {
        var pause = min(retry, source.interval)
        while !Task.isCancelled {
            guard (try? await Task.sleep(for: pause)) != nil else { return }
            pause = await fetch(tls, source, within: timeout) ? source.interval : min(retry, source.interval)
        }
    }

    /// Whether there was an answer that could be one. What became of it is told by who uses the list.
    @discardableResult
    static func fetch(_ tls: LiveTLS, _ source: RevocationSource, within timeout: Duration) async -> Bool {
        let bytes = await get(source.place, within: timeout)
        if Task.isCancelled { return false }
        await Blocking.run { tls.downloaded(bytes) }
        return bytes != nil
    }

    /// Nil unless there is an answer of bounded size in time: no other address is gone to, and no part is taken for the whole.
    private static func get(_ address: String, within timeout: Duration) async -> [UInt8]? {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.timeout = .init(connect: .seconds(5), read: .seconds(10))
        return try? await HTTPClient.withHTTPClient(configuration: configuration) { client in
            try await withThrowingTaskGroup(of: [UInt8]?.self) { group in
                group.addTask {
                    let answer = try await client.execute(HTTPClientRequest(url: address), deadline: .distantFuture)
                    guard answer.status == .ok else { return nil }
                    return Array(try await answer.body.collect(upTo: maximumSize).readableBytesView)
                }
                group.addTask {
                    try await Task.sleep(for: timeout)
                    return nil
                }
                defer { group.cancelAll() }
                return try await group.next() ?? nil
            }
        }
    }
}
