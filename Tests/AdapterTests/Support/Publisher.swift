import AdaptersCore
import Messaging
import Model
import TestSupport

@testable import AdapterTransport
@testable import HTTPAdapter

/// An HTTP client with a thing that is connected to one channel.
struct Publisher {
    let test: TestLoop
    let peer: HTTPPeer
    let identity: ThingIdentity
    let key: ThingKey
    let channel: ChannelID

    init(
        _ test: TestLoop = TestLoop(),
        certificate: (ThingKey) -> ClientCertificate = { _ in .notAsked }
    ) throws {
        try self.init(test) { ConnectionPeer(certificate($0)) }
    }

    /// - Parameter peer: who is at the other end, given the thing's key.
    init(_ test: TestLoop = TestLoop(), peer: (ThingKey) -> ConnectionPeer) throws {
        self.test = test
        channel = .random()
        (identity, key) = test.rights.addThing()
        test.rights.connect(identity, channel)
        self.peer = try HTTPPeer(
            test,
            endpoint: PublishEndpoint(loop: test.loop, peer: peer(key), version: "1.2.3")
        )
    }

    var path: String { "/channels/\(channel)/messages" }

    /// A whole request.
    func request(
        _ body: String = "hello",
        method: String = "POST",
        path: String? = nil,
        authorization: String? = nil,
        headers: [String] = []
    ) -> String {
        var lines = ["\(method) \(path ?? self.path) HTTP/1.1", "Host: a"]
        let authorization = authorization ?? key.secret.revealed
        if authorization != "none" { lines.append("Authorization: \(authorization)") }
        return (lines + headers + ["Content-Length: \(body.utf8.count)", "", body]).joined(separator: "\r\n")
    }

    /// Another channel of the same thing.
    func connect(_ channel: ChannelID) { test.rights.connect(identity, channel) }
}
