import Messaging
import Model
import Synchronization

/// Remembers what it is given; the test says when that has been done.
final class RecordingBus: MessageBus {
    private struct State {
        var batches: [[Message]] = []
        var unfinished: [@Sendable (Bool) -> Void] = []
        var unsettled: [@Sendable () -> Void] = []
        var joined: [ChannelID] = []
        var left: [ChannelID] = []
        var isStuck = false
        var settlesAtOnce = false
    }

    let link = BusLink()
    let stores: Bool
    private let state = Mutex(State())

    init(stores: Bool = false) {
        self.stores = stores
        link.isUp = true
    }

    var batches: [[Message]] { state.withLock { $0.batches } }
    var joined: [ChannelID] { state.withLock { $0.joined } }
    var left: [ChannelID] { state.withLock { $0.left } }
    var isStuck: Bool {
        get { state.withLock { $0.isStuck } }
        set { state.withLock { $0.isStuck = newValue } }
    }

    var settlesAtOnce: Bool {
        get { state.withLock { $0.settlesAtOnce } }
        set { state.withLock { $0.settlesAtOnce = newValue } }
    }

    func publish(_ batch: [Message], then: @escaping @Sendable (Bool) -> Void) {
        let isDone = state.withLock { state in
            state.batches.append(batch)
            if state.isStuck { state.unfinished.append(then) }
            return !state.isStuck
        }
        if isDone { then(true) }
    }

    func finish(_ isSafe: Bool = true) {
        let unfinished = state.withLock { state in
            defer { state.unfinished = [] }
            return state.unfinished
        }
        for then in unfinished { then(isSafe) }
    }

    func join(_ channel: ChannelID) { state.withLock { $0.joined.append(channel) } }
    func leave(_ channel: ChannelID) { state.withLock { $0.left.append(channel) } }
    func whenJoined(_ then: @escaping @Sendable () -> Void) {
        let isSettled = state.withLock { state in
            if !state.settlesAtOnce { state.unsettled.append(then) }
            return state.settlesAtOnce
        }
        if isSettled { then() }
    }

    func settle() {
        for then in state.withLock({ $0.unsettled }) { then() }
    }

    func start(_ receiver: any BusReceiver) {}
}
