package import Bootstrap
internal import Metrics
internal import NIOCore
internal import Synchronization

/// Lets connections in, or not, before anything is done for them: no TLS, no buffer. All listeners of a process share it.
package final class ConnectionGate: Sendable {
    enum Refusal: String, CaseIterable {
        case tooManyConnections = "too_many_connections"
        case tooManyOfAddress = "too_many_of_address"
        case tooManyHandshakes = "too_many_handshakes"
    }

    private let limits: LimitSettings
    private let connections = Atomic(0)
    private let handshakes = Atomic(0)
    private let addresses = Mutex<[ClientNetwork: Int]>([:])

    package init(_ limits: LimitSettings = LimitSettings()) { self.limits = limits }

    /// Lets a connection in until its channel closes, or says why not.
    ///
    /// - Returns: to be called when its handshake is over, on its event loop.
    func admit(_ channel: any Channel, isSecure: Bool) throws(ConnectionGateRefusal) -> () -> Void {
        let network = limits.addressConnections == nil ? nil : channel.remoteAddress.flatMap(ClientNetwork.init)
        guard take(connections, limits.connections) else { throw .init(.tooManyConnections) }
        guard takeAddress(network) else {
            release(connections)
            throw .init(.tooManyOfAddress)
        }
        guard !isSecure || take(handshakes, limits.handshakes) else {
            release(connections)
            releaseAddress(network)
            throw .init(.tooManyHandshakes)
        }
        let isShaking = NIOLoopBoundBox(isSecure, eventLoop: channel.eventLoop)
        let endHandshake = { @Sendable in
            guard isShaking.value else { return }
            isShaking.value = false
            self.release(self.handshakes)
        }
        channel.closeFuture.whenComplete { _ in
            endHandshake()
            self.release(self.connections)
            self.releaseAddress(network)
        }
        return endHandshake
    }

    /// Counts up, if there is room.
    private func take(_ count: borrowing Atomic<Int>, _ limit: Int?) -> Bool {
        let now = count.add(1, ordering: .relaxed).newValue
        guard let limit, now > limit else { return true }
        count.subtract(1, ordering: .relaxed)
        return false
    }

    private func release(_ count: borrowing Atomic<Int>) { count.subtract(1, ordering: .relaxed) }

    private func takeAddress(_ network: ClientNetwork?) -> Bool {
        guard let network, let limit = limits.addressConnections else { return true }
        return addresses.withLock { addresses in
            guard addresses[network, default: 0] < limit else { return false }
            addresses[network, default: 0] += 1
            return true
        }
    }

    private func releaseAddress(_ network: ClientNetwork?) {
        guard let network else { return }
        addresses.withLock { addresses in
            guard let count = addresses[network] else { return }
            addresses[network] = count > 1 ? count - 1 : nil
        }
    }
}

/// A connection wasn't let in.
struct ConnectionGateRefusal: Error {
    let reason: ConnectionGate.Refusal

    init(_ reason: ConnectionGate.Refusal) { self.reason = reason }
}

/// What one listener turned away.
struct GateCounters: Sendable {
    private let counters: [ConnectionGate.Refusal: Counter]

    init(listener: String) {
        counters = Dictionary(
            uniqueKeysWithValues: ConnectionGate.Refusal.allCases.map { reason in
                let labels = [("listener", listener), ("reason", reason.rawValue)]
                return (reason, Counter(label: "fluxgate_connections_refused_total", dimensions: labels))
            }
        )
    }

    func refused(_ reason: ConnectionGate.Refusal) { counters[reason]?.increment() }
}
