internal import Foundation
package import Messaging
internal import Model
internal import Synchronization

/// The shared subscriptions of one process: each group reads the log for its members, at the pace at which they take.
package final class SharedQueues: SharedMessages, LogReceiver {
    private struct Group {
        var queue: SharedQueue
        var holders = 0
        var members: [UInt64: @Sendable ([Message]) -> Void] = [:]
    }

    private struct State {
        var groups: [SharedGroup: Group] = [:]
        /// Those of each channel.
        var channels: [ChannelID: Set<SharedGroup>] = [:]
        var lastMember: UInt64 = 0
    }

    /// Most messages that are read at once.
    private static let portion = 64
    private static let pauseAfterFailure = Duration.seconds(1)

    private let log: MessageStore
    private let state = Mutex(State())

    init(_ log: MessageStore) {
        self.log = log
        log.follow(self)
    }

    // MARK: SharedMessages

    package func hold(_ group: SharedGroup, by holder: SharedHolder, from place: UInt64?) { hold(group, from: place) }

    package func hold(_ group: SharedGroup, from place: UInt64?) {
        state.withLock { state in
            if state.groups[group] == nil {
                log.keep(group.filter.channel, isWhole: true)
                state.channels[group.filter.channel, default: []].insert(group)
                state.groups[group] = Group(queue: SharedQueue(from: place ?? log.newest))
            } else if let place, place > state.groups[group]?.queue.position ?? 0,
                state.groups[group]?.members.isEmpty == true
            {
                // The session that was kept last knows best how far they had come.
                state.groups[group]?.queue = SharedQueue(from: place)
            }
            state.groups[group]?.holders += 1
        }
    }

    /// The session itself holds it for as long as its client is away.
    package func release(_ group: SharedGroup, by holder: SharedHolder) { release(group) }

    package func release(_ group: SharedGroup) {
        state.withLock { state in
            state.groups[group]?.holders -= 1
            guard state.groups[group]?.holders == 0 else { return }
            state.groups[group] = nil
            state.channels[group.filter.channel]?.remove(group)
            if state.channels[group.filter.channel]?.isEmpty == true { state.channels[group.filter.channel] = nil }
            log.forget(group.filter.channel, isWhole: true)
        }
    }

    package func whenHeld(_ groups: [SharedGroup], then: @escaping @Sendable (Bool) -> Void) { then(true) }

    package func join(_ group: SharedGroup, give: @escaping @Sendable ([Message]) -> Void) -> SharedMember {
        state.withLock { state in
            state.lastMember += 1
            state.groups[group]?.members[state.lastMember] = give
            state.groups[group]?.queue.join(state.lastMember)
            return SharedMember(group: group, number: state.lastMember)
        }
    }

    package func leave(_ member: SharedMember) {
        change(member.group) { group in
            group.members[member.number] = nil
            group.queue.leave(member.number)
        }
    }

    package func ask(for count: Int, by member: SharedMember) {
        change(member.group) { $0.queue.ask(for: count, by: member.number) }
    }

    package func settle(_ place: UInt64, by member: SharedMember, isDone: Bool) {
        change(member.group) { $0.queue.settle(place, by: member.number, isDone: isDone) }
    }

    package func floor(of group: SharedGroup) -> UInt64 { state.withLock { $0.groups[group]?.queue.floor ?? 0 } }

    // MARK: The log

    package func logged(_ messages: [Message], upTo place: UInt64) {
        let groups = state.withLock { state -> [SharedGroup] in
            guard !state.channels.isEmpty else { return [] }
            return Set(messages.map(\.topic.channel)).flatMap { channel in state.channels[channel].map(Array.init) ?? []
            }
        }
        for group in groups { change(group) { $0.queue.hasNews() } }
    }

    /// Changes a group, and hands out what can be then.
    private func change(_ group: SharedGroup, _ change: (inout Group) -> Void) {
        let place = state.withLock { state -> UInt64? in
            guard state.groups[group] != nil else { return nil }
            change(&state.groups[group, default: Group(queue: SharedQueue(from: 0))])
            for (number, messages) in state.groups[group]?.queue.handOut() ?? [] {
                state.groups[group]?.members[number]?(messages)
            }
            return state.groups[group]?.queue.nextPage()
        }
        guard let place else { return }
        log.read([group.filter.channel], after: place, limit: Self.portion) { [self] page in
            guard page == nil else { return self.change(group) { $0.queue.read(page, after: place, of: group.filter) } }
            Task {
                try? await Task.sleep(for: Self.pauseAfterFailure)
                self.change(group) { $0.queue.read(nil, after: place, of: group.filter) }
            }
        }
    }
}
