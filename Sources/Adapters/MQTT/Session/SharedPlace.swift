/// A message of a shared subscription that a client has.
package struct SharedPlace: Hashable, Sendable {
    /// The subscription, as its caller numbers it.
    package let subscription: UInt64
    /// Where the message stands in the log.
    package let place: UInt64

    package init(subscription: UInt64, place: UInt64) { (self.subscription, self.place) = (subscription, place) }
}
