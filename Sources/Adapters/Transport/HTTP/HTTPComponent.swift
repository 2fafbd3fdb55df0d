internal import Bootstrap
package import Messaging
package import Model

/// The HTTP connections of one event loop: it knows which have to be written, and which take too long.
package final class HTTPComponent: LoopComponent {
    package let loop: AdapterLoop
    package let limits: HTTPLimits
    private var connections: [ObjectIdentifier: any HTTPConnection] = [:]
    private var toWrite: [any HTTPConnection] = []
    private var date = HTTPDate()
    /// Every answer is its connection's last.
    private(set) var isShuttingDown = false
    var passedOn = PassedOnCertificates()

    package init(loop: AdapterLoop, limits: HTTPLimits) {
        self.loop = loop
        self.limits = limits
    }

    package var connectionCount: Int { connections.count }

    package func deliver(_ message: Message) {}
    package func apply(_ event: AccessEvent, _ reason: AccessLoss) {}

    package func turnEnded() {
        let writers = toWrite
        toWrite.removeAll(keepingCapacity: true)
        for connection in writers { connection.write() }
    }

    package func sweep(at now: UInt64) {
        for connection in connections.values {
            if connection.deadline < now { connection.timedOut() } else { connection.endIfOver(at: now) }
        }
    }

    package func shutDown() {
        isShuttingDown = true
        for connection in connections.values { connection.shutDown() }
    }

    func opened(_ connection: any HTTPConnection) {
        connections[ObjectIdentifier(connection)] = connection
    }

    func closed(_ connection: any HTTPConnection) {
        connections[ObjectIdentifier(connection)] = nil
    }

    func hasToWrite(_ connection: any HTTPConnection) {
        toWrite.append(connection)
        loop.scheduleTurnEnd()
    }

    func currentDate() -> String { date.text(at: loop.now) }
}

/// How much and how long a client may take.
package struct HTTPLimits: Sendable {
    package var maximumBody: Int
    /// Nanoseconds from a request's first byte to its last.
    package var requestTimeout: UInt64
    /// Nanoseconds between requests.
    package var idleTimeout: UInt64

    package init(maximumBody: Int, requestTimeout: Duration, idleTimeout: Duration = .seconds(75)) {
        self.init(
            maximumBody: maximumBody,
            requestTimeout: requestTimeout.nanoseconds,
            idleTimeout: idleTimeout.nanoseconds
        )
    }

    package init(maximumBody: Int, requestTimeout: UInt64, idleTimeout: UInt64) {
        self.maximumBody = maximumBody
        self.requestTimeout = requestTimeout
        self.idleTimeout = idleTimeout
    }
}

/// What the component wants of a connection.
protocol HTTPConnection: AnyObject {
    /// The loop's clock at which it has taken too long.
    var deadline: UInt64 { get }
    func timedOut()
    /// Ends it if it has lasted as long as it may.
    func endIfOver(at now: UInt64)
    func write()
    func shutDown()
}
