/// Where in a stream a message that a consumer brings is, as its reply subject says:
/// `$JS.ACK.<stream>.<consumer>.<delivered>.<stream sequence>.<consumer sequence>.<time>.<pending>`, with domain and account before
/// the stream on newer servers (NATS, ADR-15).
package struct StreamPlace: Equatable {
    package let consumer: Substring
    package let sequence: UInt64
    /// Counts what the consumer has sent, from 1 on.
    package let delivery: UInt64
    /// Messages that the consumer still has to bring.
    package let pending: UInt64

    /// Nil if it is no such subject.
    package init?(reply: String) {
        let tokens = reply.split(separator: ".", omittingEmptySubsequences: false)
        guard tokens.count >= 9, tokens[0] == "$JS", tokens[1] == "ACK" else { return nil }
        let start = tokens.count >= 11 ? 4 : 2
        guard let sequence = UInt64(tokens[start + 3]), let delivery = UInt64(tokens[start + 4]),
            let pending = UInt64(tokens[start + 6])
        else { return nil }
        consumer = tokens[start + 1]
        (self.sequence, self.delivery, self.pending) = (sequence, delivery, pending)
    }
}
