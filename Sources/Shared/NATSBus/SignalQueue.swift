internal import Foundation

/// What one thread is told by others, one at a time.
final class SignalQueue<Signal: Sendable>: @unchecked Sendable {
    /// Guards the rest.
    private let condition = NSCondition()
    private var signals: [Signal] = []

    func add(_ signal: Signal) {
        condition.lock()
        defer { condition.unlock() }
        signals.append(signal)
        condition.signal()
    }

    /// The next signal; nil if none comes within so many seconds. Without a limit it waits for ever.
    func next(within seconds: Double?) -> Signal? {
        condition.lock()
        defer { condition.unlock() }
        if let seconds {
            let deadline = Date(timeIntervalSinceNow: seconds)
            while signals.isEmpty, condition.wait(until: deadline) {}
        } else {
            while signals.isEmpty { condition.wait() }
        }
        return signals.isEmpty ? nil : signals.removeFirst()
    }
}
