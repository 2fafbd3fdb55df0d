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
    private let addresses: NetworkCounts
    private let shaking: NetworkCounts

    package init(_ limits: LimitSettings = LimitSettings()) {
        self.limits = limits
        addresses = NetworkCounts(limit: limits.addressConnections)
        // Whoever opens connections and says nothing doesn't lock everybody else out.
        shaking = NetworkCounts(limit: limits.handshakes.map { max(1, $0 / 10) })
    }

    /// Lets a connection in until its channel closes, or says why not.
    ///
    /// - Returns: to be called when its handshake is over, on its event loop.
    func admit(_ channel: any Channel, isSecure: Bool) throws(ConnectionGateRefusal) -> () -> Void {
        let network = channel.remoteAddress.flatMap(ClientNetwork.init)
        guard take(connections, limits.connections) else { throw .init(.tooManyConnections) }
        guard addresses.take(network) else {
            release(connections)
            throw .init(.tooManyOfAddress)
        }
        guard !isSecure || takeHandshake(network) else {
            release(connections)
            addresses.release(network)
            throw .init(.tooManyHandshakes)
        }
        channel.closeFuture.whenComplete { _ in
            self.release(self.connections)
            self.addresses.release(network)
        }
        guard isSecure else { return {} }
        let isShaking = NIOLoopBoundBox(true, eventLoop: channel.eventLoop)
        let endHandshake = { @Sendable in
            guard isShaking.value else { return }
            isShaking.value = false
            self.release(self.handshakes)
            self.shaking.release(network)
        }
        channel.closeFuture.whenComplete { _ in endHandshake() }
        return endHandshake
    }

    private func takeHandshake(_ network: ClientNetwork?) -> Bool {
        guard shaking.take(network) else { return false }
        if take(handshakes, limits.handshakes) { return true }
        shaking.release(network)
        return false
    }

    /// Counts up, if there is room.
    private func take(_ count: borrowing Atomic<Int>, _ limit: Int?) -> Bool {
        let now = count.add(1, ordering: .relaxed).newValue
        guard let limit, now > limit else { return true }
        count.subtract(1, ordering: .relaxed)
        return false
    }

    private func release(_ count: borrowing Atomic<Int>) { count.subtract(1, ordering: .relaxed) }
}

/// How many of something each network has. Nothing is counted without a limit.
private final class NetworkCounts: Sendable {
    private let limit: Int?
    private let counts = Mutex<[ClientNetwork: Int]>([:])

    init(limit: Int?) { self.limit = limit }

    func take(_ network: ClientNetwork?) -> Bool {
        guard let limit, let network else { return true }
        return counts.withLock { counts in
            guard counts[network, default: 0] < limit else { return false }
            counts[network, default: 0] += 1
            return true
        }
    }

    func release(_ network: ClientNetwork?) {
        guard limit != nil, let network else { return }
        counts.withLock { counts in
            guard let count = counts[network] else { return }
            counts[network] = count > 1 ? count - 1 : nil
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
