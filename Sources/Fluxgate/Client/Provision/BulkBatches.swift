internal import FoundationEssentials
package import NIOCore

/// Cuts a list into the bodies of bulk requests, each made when it is asked for: a JSON array of at most so many items
/// and bytes. An item that alone has more bytes gets a request of its own.
package struct BulkBatches<Item: Encodable> {
    package struct Batch: Sendable {
        /// Which items are in it.
        package let range: Range<Int>
        package let body: ByteBuffer
    }

    private let items: [Item]
    private let maximumCount: Int
    private let maximumBytes: Int
    private let encoder = JSONEncoder()
    private var start = 0
    /// An item that was encoded already, but did not fit.
    private var left: Data?

    package init(_ items: [Item], maximumCount: Int = 1_000, maximumBytes: Int = 4 * 1_048_576) {
        self.items = items
        self.maximumCount = maximumCount
        self.maximumBytes = maximumBytes
    }

    package mutating func next() throws -> Batch? {
        guard start < items.count else { return nil }
        var body = ByteBuffer(string: "[")
        var end = start
        while end < items.count, end - start < maximumCount {
            let item = try left ?? encoder.encode(items[end])
            left = nil
            guard end == start || body.readableBytes + item.count + 2 <= maximumBytes else {
                left = item
                break
            }
            if end > start { body.writeString(",") }
            body.writeBytes(item)
            end += 1
        }
        body.writeString("]")
        defer { start = end }
        return Batch(range: start..<end, body: body)
    }
}
