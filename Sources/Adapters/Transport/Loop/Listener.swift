package import NIOCore
internal import NIOPosix
internal import Synchronization
package import TLSSupport

/// An open listening socket.
package struct Listener: Sendable {
    private let channel: any Channel
    private let door: Door
    private let tls: ServerTLS?
    package let name: String
    package let address: ListenAddress
    /// Whether all connections are TLS.
    package let isSecure: Bool

    /// Opens the socket; connections are set up by the body, on their own loop.
    ///
    /// - Parameters:
    ///   - name: what it is called in errors, in the log and in metrics.
    ///   - tls: nil: connections are plain.
    package init<Component>(
        _ name: String,
        on address: ListenAddress,
        tls: ServerTLS?,
        loops: AdapterLoops,
        components: PerLoop<Component>,
        setUp: @escaping @Sendable (any Channel, Component, ConnectionPeer) throws -> Void
    ) async throws {
        let secure = tls.map { TLSListener(name, $0) }
        let (door, gate, refusals) = (Door(), loops.gate, GateCounters(listener: name))
        self.door = door
        self.tls = tls
        do {
            self.channel = try await ServerBootstrap(group: loops.group)
                .serverChannelOption(.backlog, value: 1_024)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.setReading(isSecure: secure != nil)
                        guard let component = components.current else { throw ChannelError.operationUnsupported }
                        let endHandshake: () -> Void
                        do throws(ConnectionGateRefusal) {
                            endHandshake = try gate.admit(channel, isSecure: secure != nil)
                        } catch {
                            refusals.refused(error.reason)
                            throw error
                        }
                        // With TLS nothing else is in the pipeline before the client has been let in.
                        let open: (TLSVisitor) throws -> Void = { visitor in
                            endHandshake()
                            guard !door.isClosed.load(ordering: .acquiring) else {
                                throw ChannelError.ioOnClosedChannel
                            }
                            try setUp(channel, component, ConnectionPeer(visitor, at: channel.remoteAddress, secure))
                        }
                        if let secure { try secure.install(on: channel, welcome: open) } else { try open(.anybody) }
                    }
                }
                .bind(host: address.host, port: address.port)
                .get()
        } catch {
            throw ListenError(name, address, error)
        }
        isSecure = tls != nil
        self.name = name
        self.address = ListenAddress(host: address.host, port: channel.localAddress?.port ?? address.port)
    }

    /// Calls back whenever other certificates count than before.
    func onChange(_ body: @escaping @Sendable () -> Void) { tls?.live.onChange(body) }

    /// Takes no more connections; those that are open stay, those in a handshake are not let in.
    package func close() async {
        door.isClosed.store(true, ordering: .releasing)
        try? await channel.close().get()
    }
}

extension Channel {
    /// At once: the bootstrap has a future for each option.
    fileprivate func setReading(isSecure: Bool) throws {
        guard let options = syncOptions else { throw ChannelError.operationUnsupported }
        // A channel keeps the buffer of its last read, and TLS one as large as the largest, for as long as the connection lives.
        let largest = (isSecure ? 64 : 256) * 1_024
        let allocator = AdaptiveRecvByteBufferAllocator(minimum: 512, initial: 512, maximum: largest)
        try options.setOption(.maxMessagesPerRead, value: 1)
        try options.setOption(.allowRemoteHalfClosure, value: true)
        try options.setOption(.recvAllocator, value: allocator)
    }
}

/// Whether a listener lets clients in that have come through the handshake.
private final class Door: Sendable {
    let isClosed = Atomic(false)
}
