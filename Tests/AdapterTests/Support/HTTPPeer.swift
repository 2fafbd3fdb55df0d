import NIOCore
import NIOHTTP1

@testable import AdapterTransport

/// A client of an HTTP endpoint.
final class HTTPPeer {
    struct Response: Equatable {
        var status: Int
        var headers: [String: String]
        var body: String

        var isClose: Bool { headers["connection"] == "close" }
    }

    let test: TestLoop
    let connection: TestChannel
    let component: HTTPComponent
    private var unread = ""

    init(
        _ test: TestLoop,
        limits: HTTPLimits = HTTPLimits(maximumBody: 1_000, requestTimeout: 10_000, idleTimeout: 1_000_000),
        endpoint: some HTTPEndpoint
    ) throws {
        self.test = test
        component = HTTPComponent(loop: test.loop, limits: limits)
        test.loop.add(component)
        connection = try TestChannel(test)
        try connection.channel.addHTTPHandlers(HTTPConnectionHandler(endpoint: endpoint, component: component))
    }

    func send(_ text: String) throws { try connection.receive(ByteBuffer(string: text)) }

    func send(_ bytes: [UInt8]) throws { try connection.receive(ByteBuffer(bytes: bytes)) }

    /// Sends a request, and takes the one answer to it.
    func ask(_ text: String) throws -> Response? {
        try send(text)
        return try responses().first
    }

    /// The bytes of the answers since the last call.
    func text() throws -> String { String(buffer: try connection.sent()) }

    /// The answers that have come since the last call; of a HEAD, without body.
    func responses(toHEAD isHEAD: Bool = false) throws -> [Response] {
        unread += try text()
        var responses: [Response] = []
        while let end = unread.range(of: "\r\n\r\n") {
            var lines = unread[..<end.lowerBound].split(separator: "\r\n", omittingEmptySubsequences: false)[...]
            let words = lines.removeFirst().split(separator: " ")
            var headers: [String: String] = [:]
            for line in lines {
                let parts = line.split(separator: ":", maxSplits: 1)
                headers[parts[0].lowercased()] = parts[1].drop { $0 == " " }.description
            }
            let length = isHEAD ? 0 : Int(headers["content-length"] ?? "0") ?? 0
            let body = unread[end.upperBound...].utf8.prefix(length)
            unread = String(unread[body.endIndex...])
            responses.append(Response(status: Int(words[1]) ?? 0, headers: headers, body: String(body) ?? ""))
        }
        return responses
    }
}

extension String {
    fileprivate func range(of text: String) -> Range<Index>? {
        guard let start = utf8.indices.first(where: { utf8[$0...].starts(with: text.utf8) }) else { return nil }
        return start..<utf8.index(start, offsetBy: text.utf8.count)
    }
}
