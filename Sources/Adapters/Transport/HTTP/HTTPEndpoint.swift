package import NIOCore
package import NIOHTTP1

/// What an adapter does with the requests of one connection. Confined to the connection's loop.
package protocol HTTPEndpoint: AnyObject {
    /// Who is at the other end of the connection.
    var peer: ConnectionPeer { get }

    /// Looks at a request before its body is read. An answer ends it there.
    ///
    /// - Parameter sender: who it comes from; behind a proxy another one with each request.
    func refuse(_ head: HTTPRequestHead, _ facts: RequestFacts, from sender: ConnectionPeer) -> HTTPAnswer?

    /// Answers a request, or says that it will call `reply` later, once.
    func respond(
        to head: HTTPRequestHead,
        _ facts: RequestFacts,
        from sender: ConnectionPeer,
        body: ByteBuffer,
        reply: any HTTPReply
    ) -> HTTPOutcome

    /// Counts a refusal.
    func refused(_ answer: HTTPAnswer)
}

/// Where a late answer goes. Confined to the connection's loop.
package protocol HTTPReply: AnyObject {
    func finish(_ outcome: HTTPOutcome)
}

/// What comes of a request.
package enum HTTPOutcome {
    case answer(HTTPAnswer)
    /// `HTTPReply.finish(_:)` will be called.
    case later
    /// 101: the headers of the answer, and what takes the connection over.
    case upgrade([(String, String)], (any Channel) throws -> Void)
}
