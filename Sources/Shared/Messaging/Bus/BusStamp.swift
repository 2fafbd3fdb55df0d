/// Which of a process's messages one on the bus is: by it a message that comes twice, live and out of the store, is known.
package struct BusStamp: Hashable, Sendable {
    /// A number that each process draws when it starts.
    package let sender: UInt64
    /// Counts the sender's messages, from 1 on.
    package let number: UInt64

    package init(sender: UInt64, number: UInt64) { (self.sender, self.number) = (sender, number) }
}
