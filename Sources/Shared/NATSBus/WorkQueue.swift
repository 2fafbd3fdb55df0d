internal import Foundation

/// What one thread works off, all that has come in at a time.
final class WorkQueue<Item: Sendable>: @unchecked Sendable {
    /// Guards the rest.
    private let condition = NSCondition()
    private var items: [Item] = []
    private var isClosed = false
    private var isDone = false

    /// - Parameter makeWork: called on the thread, once; what it answers is called there again and again, and owns what it works
    ///   with.
    init(_ name: String, _ makeWork: @escaping @Sendable () -> ([Item]) -> Void) {
        let thread = Thread { [self] in
            let work = makeWork()
            while let items = next() { work(items) }
            condition.lock()
            isDone = true
            condition.broadcast()
            condition.unlock()
        }
        thread.name = name
        thread.start()
    }

    /// False if the queue is closed.
    @discardableResult
    func add(_ item: Item) -> Bool {
        condition.lock()
        defer { condition.unlock() }
        guard !isClosed else { return false }
        items.append(item)
        condition.signal()
        return true
    }

    /// Ends the thread when it has done what it was given, and waits for that so long.
    func close(within seconds: Double) {
        condition.lock()
        defer { condition.unlock() }
        isClosed = true
        condition.broadcast()
        let deadline = Date(timeIntervalSinceNow: seconds)
        while !isDone, condition.wait(until: deadline) {}
    }

    private func next() -> [Item]? {
        condition.lock()
        defer { condition.unlock() }
        while items.isEmpty, !isClosed { condition.wait() }
        defer { items.removeAll() }
        return items.isEmpty ? nil : items
    }
}
