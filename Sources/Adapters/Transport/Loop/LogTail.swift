internal import Messaging
internal import NIOCore
internal import Synchronization

/// Hands each loop what a log gets, as far as there are sessions for it.
///
/// Overflow rule: a loop that is behind isn't handed more than ``limit``; then it hears only that something came, and its
/// sessions read it from the log.
final class LogTail: LogReceiver {
    /// Most bytes on their way to one loop.
    private static let limit = 4 << 20

    private struct Way {
        let loop: NIOLoopBound<AdapterLoop>
        var bytes = 0
        /// Up to where the loop is to hear that something came.
        var passed: UInt64?
    }

    let interest: InterestFilter
    private let ways: Mutex<[Way]>

    init(to loops: [NIOLoopBound<AdapterLoop>], interest: InterestFilter) {
        self.interest = interest
        ways = Mutex(loops.map { Way(loop: $0) })
    }

    func logged(_ messages: [Message], upTo place: UInt64) {
        for index in 0..<ways.withLock(\.count) {
            let wanted = messages.filter { interest.isInterested(loop: index, in: $0.topic.channel) }
            if !wanted.isEmpty { hand(wanted, upTo: place, to: index) }
        }
    }

    func lost() {
        for way in ways.withLock({ $0 }) { way.loop.eventLoop.execute { way.loop.value.logLost() } }
    }

    private func hand(_ messages: [Message], upTo place: UInt64, to index: Int) {
        let size = messages.reduce(0) { $0 + $1.size }
        let (loop, isTaken, isFirst) = ways.withLock { ways in
            let isTaken = ways[index].passed == nil && ways[index].bytes < Self.limit
            let isFirst = isTaken || ways[index].passed == nil
            if isTaken { ways[index].bytes += size } else { ways[index].passed = place }
            return (ways[index].loop, isTaken, isFirst)
        }
        guard isFirst else { return }
        loop.eventLoop.execute {
            guard isTaken else { return loop.value.logged(nil, upTo: self.takePassed(index) ?? place) }
            loop.value.logged(messages, upTo: place)
            self.ways.withLock { $0[index].bytes -= size }
        }
    }

    private func takePassed(_ index: Int) -> UInt64? {
        ways.withLock { ways in
            defer { ways[index].passed = nil }
            return ways[index].passed
        }
    }
}
