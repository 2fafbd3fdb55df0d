/// Reads the messages of a subject, which may have wildcards, one after the other: the first ones by themselves, since there are often no
/// more, and what follows in portions.
struct StreamCursor {
    private static let mostSingle = 3

    let subject: String
    let stream: String
    /// The last that was read.
    private(set) var place: UInt64
    private let portion: Int
    private var fetched: [JetStream.Stored] = []
    private var consumer: String?
    private var single = 0
    /// By the consumer.
    private var received: UInt64 = 0
    private var isOver = false

    /// - Parameter isLong: whether there are many for sure.
    init(_ subject: String, of stream: String, behind place: UInt64, portion: Int, isLong: Bool = false) {
        (self.subject, self.stream, self.place, self.portion) = (subject, stream, place, portion)
        if isLong { single = Self.mostSingle }
    }

    /// Nil if there is none (yet).
    mutating func next(
        _ jetStream: JetStream,
        _ fetches: StreamFetches
    ) async throws(JetStreamError) -> JetStream.Stored? {
        if fetched.isEmpty, !isOver { try await read(jetStream, fetches) }
        guard let next = fetched.popLast() else { return nil }
        place = next.sequence
        return next
    }

    /// Nothing more is read.
    func close(_ fetches: StreamFetches) {
        if let consumer { fetches.end(consumer, of: stream) }
    }

    private mutating func read(_ jetStream: JetStream, _ fetches: StreamFetches) async throws(JetStreamError) {
        guard single >= Self.mostSingle else {
            single += 1
            let found = try await jetStream.message(subject, of: stream, behind: place)
            (fetched, isOver) = (found.map { [$0] } ?? [], found == nil)
            return
        }
        if consumer == nil { consumer = try await fetches.begin(subject, of: stream, behind: place) }
        guard let consumer else { return isOver = true }
        let (messages, isLast) = try await fetches.next(portion, by: consumer, of: stream, behind: received)
        received += UInt64(messages.count)
        (fetched, isOver) = (messages.reversed(), isLast || messages.isEmpty)
    }
}
