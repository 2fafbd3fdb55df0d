import AdaptersCore
import Messaging
import Model
import NIOCore
import NIOWebSocket
import TestSupport

@testable import AdapterTransport
@testable import WSAdapter

/// The WebSocket adapter on one loop, with a thing that is connected to one channel.
final class WSServer {
    let test: TestLoop
    let component: WSComponent
    let identity: ThingIdentity
    let key: ThingKey
    let channel: ChannelID

    static let pingInterval: UInt64 = 1_000_000_000_000

    init(
        _ test: TestLoop = TestLoop(),
        maximumMessage: Int = 1_000,
        maximumQueue: Int = 10_000,
        idleTimeout: UInt64? = nil
    ) {
        self.test = test
        component = WSComponent(
            loop: test.loop,
            limits: WSLimits(
                maximumMessage: maximumMessage,
                maximumQueue: maximumQueue,
                pingInterval: Self.pingInterval,
                idleTimeout: idleTimeout
            )
        )
        test.loop.add(component)
        channel = .random()
        (identity, key) = test.rights.addThing()
        test.rights.connect(identity, channel)
    }

    var path: String { "/channels/\(channel)/messages" }

    func handshake(
        path: String? = nil,
        authorization: String? = nil,
        headers: [String] = [],
        without: String = "none",
        method: String = "GET"
    ) -> String {
        let standard = [
            "Host: a", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Authorization: \(authorization ?? key.secret.revealed)",
        ].filter { !$0.hasPrefix(without + ":") }
        return (["\(method) \(path ?? self.path) HTTP/1.1"] + standard + headers + ["", ""]).joined(separator: "\r\n")
    }

    /// A connection that has sent nothing yet.
    func connect(_ certificate: ClientCertificate = .notAsked) throws -> HTTPPeer {
        try connect(as: ConnectionPeer(certificate))
    }

    func connect(as peer: ConnectionPeer) throws -> HTTPPeer {
        try HTTPPeer(
            test,
            limits: HTTPLimits(maximumBody: 0, requestTimeout: 10_000, idleTimeout: 1_000_000),
            endpoint: WSEndpoint(component: component, peer: peer, version: "1.2.3")
        )
    }

    /// An open WebSocket.
    func open(_ rest: String = "", key: ThingKey? = nil, headers: [String] = []) throws -> WSPeer {
        let peer = try connect()
        try peer.send(handshake(path: path + rest, authorization: key?.secret.revealed, headers: headers))
        return WSPeer(peer, isOpen: try peer.responses().first?.status == 101)
    }
}

/// A client of an open WebSocket.
struct WSPeer {
    private let peer: HTTPPeer
    let isOpen: Bool

    init(_ peer: HTTPPeer, isOpen: Bool) {
        self.peer = peer
        self.isOpen = isOpen
    }

    var connection: TestChannel { peer.connection }

    func send(_ bytes: [UInt8]) throws { try connection.receive(ByteBuffer(bytes: bytes)) }

    /// The frames that have come since the last call; nil if they are no frames.
    func frames() throws -> [ServerFrame]? { ServerFrame.read(Array(try connection.sent().readableBytesView)) }

    func texts() throws -> [String] { try frames()?.map(\.text) ?? [] }

    /// The code of the Close frame that came last.
    func closeCode() throws -> Int? {
        guard let last = try frames()?.last, last.opcode == .connectionClose else { return nil }
        return last.code
    }
}
