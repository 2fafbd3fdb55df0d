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
        self.test = test
        channel = .random()
        (identity, key) = test.rights.addThing()
        test.rights.connect(identity, channel)
        peer = try HTTPPeer(
            test,
            endpoint: PublishEndpoint(loop: test.loop, peer: ConnectionPeer(certificate(key)), version: "1.2.3")
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
