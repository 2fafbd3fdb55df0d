import Synchronization

/// Keeps what a stub server was sent.
final class Recorder<Element: Sendable>: Sendable {
    private let elements = Mutex<[Element]>([])

    var all: [Element] { elements.withLock { $0 } }

    func record(_ element: Element) { elements.withLock { $0.append(element) } }
}
