package import Messaging
package import Model

/// What an adapter keeps on one event loop. Confined to it.
package protocol LoopComponent: AnyObject {
    /// Gives the message to every subscriber that it has here.
    func deliver(_ message: Message)

    /// Gives what a log has got to the sessions that read it. Nil: too much came at once, and is to be read from the log.
    ///
    /// - Parameter place: of the last message; there are no others up to it.
    func logged(_ messages: [Message]?, upTo place: UInt64)

    /// The log has lost messages: its places begin anew.
    func logLost()

    /// Writes what was collected during this turn of the loop, once for each connection.
    func turnEnded()

    /// Ends what lives by the right that was lost.
    func apply(_ event: AccessEvent, _ reason: AccessLoss)

    /// Ends what has waited too long. Called about twice a second; `now` is the loop's clock in nanoseconds.
    func sweep(at now: UInt64)

    /// Says goodbye to every connection and closes it.
    func shutDown()

    /// Connections that are still open.
    var connectionCount: Int { get }
}

extension LoopComponent {
    package func logged(_ messages: [Message]?, upTo place: UInt64) {}
    package func logLost() {}
}
