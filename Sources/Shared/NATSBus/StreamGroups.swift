internal import Foundation
package import Logging
package import Messaging
internal import Metrics
internal import Model
internal import NIOCore
internal import Synchronization

/// The ``SharedMessages`` of several processes: each group has a durable consumer of the stream, which its members' processes fetch from as far as
/// they have room. What a member leaves goes to others of its process, or back.
package final class StreamGroups: SharedMessages {
    /// What was asked for and hasn't come.
    private struct Fetch {
        let consumer: Int
        var missing: Int
        var deadline: ContinuousClock.Instant
    }

    private struct Group {
        let consumers: [GroupConsumer]
        var queue = SharedQueue(from: 0)
        var members: [UInt64: @Sendable ([Message]) -> Void] = [:]
        /// Where messages are settled, by their places.
        var replies: [UInt64: String] = [:]
        var fetches: [UInt64: Fetch] = [:]
        var holders = 0
        /// The longest time of any of them.
        var expiry: UInt32 = 0
        /// The newest place of any of its messages; nil: that isn't known yet.
        var newest: UInt64?
        /// Whether it has been ready: then what waits there is its own.
        var isOwn = false
        var isReady = false
        var isPreparing = false
        /// Sessions that held it on their own, and are here again.
        var back: Set<String> = []
        var waiting: [@Sendable (Bool) -> Void] = []

        /// Behind which place a consumer that is made begins.
        ///
        /// - Parameter last: where the stream ends.
        mutating func start(_ last: UInt64) -> UInt64 {
            // A stream that was made anew gives the places to others.
            if last < newest ?? 0 { (newest, replies) = (0, [:]) }
            let known = newest ?? last
            newest = known
            return replies.keys.min().map { $0 - min(1, $0) } ?? known
        }

        /// One of the messages that were asked for.
        mutating func came(by consumer: Substring) {
            let fetch = fetches.filter { consumers[$0.value.consumer].name == consumer }.min { $0.key < $1.key }
            guard let fetch else { return }
            fetches[fetch.key]?.missing -= 1
            if fetch.value.missing <= 1 { fetches[fetch.key] = nil }
        }
    }

    private struct State {
        var groups: [SharedGroup: Group] = [:]
        /// By the names of their consumers.
        var byConsumer: [Substring: SharedGroup] = [:]
        var last: UInt64 = 0
        /// What is being done in the bucket for a group; one thing after the other.
        var tasks: [SharedGroup: (number: UInt64, task: Task<Void, Never>)] = [:]
        var reader = BusMessageReader()

        mutating func next() -> UInt64 {
            last += 1
            return last
        }
    }

    /// How long the server may wait for messages that were asked for.
    private static let longestFetch = Duration.seconds(20)
    private static let pace = Duration.seconds(1)
    private static let mostAttempts = 30

    private let connection: NATSConnection
    private let jetStream: JetStream
    private let stream: String
    private let bucket: KeyValueBucket
    private let holders: GroupHolders
    private let longestExpiry: UInt32
    private let logger: Logger
    private let inbox = "_INBOX.\(UniqueID.random())"
    private let malformed = Counter(label: "fluxgate_bus_malformed_total")
    private let state = Mutex(State())

    /// - Parameters:
    ///   - connection: one whose subscriptions nobody holds up.
    ///   - longestExpiry: seconds that a session may outlive its connection, `.max` for ever.
    package init(_ connection: NATSConnection, _ stream: MessageStream, longestExpiry: UInt32, logger: Logger) {
        self.connection = connection
        self.stream = stream.name
        self.longestExpiry = longestExpiry
        self.logger = logger
        jetStream = JetStream(connection)
        bucket = KeyValueBucket(
            connection,
            name: "fluxgate-shares",
            maximumAge: longestExpiry == .max ? nil : .seconds(longestExpiry) + .seconds(86_400),
            logger: logger
        )
        holders = GroupHolders(bucket) { UInt64(max(0, Date.now.timeIntervalSince1970 * 1e9)) }
        // One for all: each subscription has a thread of the client library's.
        connection.subscribe(.init(inbox + ".*.*"), NATSReceiver { [weak self] in self?.came($0) })
        connection.observe(onChange: { [weak self] in self?.changed($0) }, onGap: {})
    }

    /// Why it can't be used; nil if it can, as far as is known.
    package var outage: String? { bucket.outage }

    /// Looks after it until the task is canceled.
    package func watch() async {
        async let isKept: Void = bucket.watch()
        async let isHeld: Void = holdOn()
        var lastWord = ContinuousClock.now
        while (try? await Task.sleep(for: Self.pace)) != nil {
            let now = ContinuousClock.now
            tidy(at: now, saysSo: now - lastWord > GroupConsumer.pace)
            if now - lastWord > GroupConsumer.pace { lastWord = now }
        }
        _ = await (isKept, isHeld)
    }

    /// Says again and again that this process is there.
    private func holdOn() async {
        while (try? await Task.sleep(for: GroupHolders.pace)) != nil {
            let held = state.withLock { state in state.groups.filter { $0.value.isReady }.mapValues(\.expiry) }
            do {
                for (group, expiry) in held {
                    try await holders.hold(GroupConsumer.name(of: group), expiry: expiry)
                }
            } catch {
                logger.warning("shared subscriptions aren't held", metadata: ["reason": "\(error)"])
            }
        }
    }

    /// Waits until what was released is, if that doesn't take too long.
    package func close(within time: Duration) {
        let deadline = ContinuousClock.now + time
        while !state.withLock({ $0.tasks.isEmpty }), ContinuousClock.now < deadline {
            Thread.sleep(forTimeInterval: 0.01)
        }
    }

    // MARK: Who holds it

    package func hold(_ group: SharedGroup, by holder: SharedHolder, from place: UInt64?) {
        state.withLock { state in
            var found = state.groups[group] ?? Group(consumers: GroupConsumer.all(of: group))
            found.holders += 1
            found.expiry = max(found.expiry, holder.expiry)
            found.back.insert(Self.key(of: holder))
            for consumer in found.consumers { state.byConsumer[consumer.name[...]] = group }
            state.groups[group] = found
        }
        prepare(group, anew: place == nil ? holder : nil)
    }

    package func release(_ group: SharedGroup, by holder: SharedHolder) {
        let last = state.withLock { state -> Group? in
            state.groups[group]?.holders -= 1
            state.groups[group]?.back.remove(Self.key(of: holder))
            guard let last = state.groups[group], last.holders == 0 else { return nil }
            state.groups[group] = nil
            for consumer in last.consumers { state.byConsumer[consumer.name[...]] = nil }
            for then in last.waiting { then(false) }
            return last
        }
        guard last != nil || holder.expiry > 0 else { return }
        let name = GroupConsumer.name(of: group)
        follow(group) { [self] in
            if holder.expiry > 0 { try await leave(name, holder) }
            guard last != nil, state.withLock({ $0.groups[group] == nil }) else { return }
            try await holders.release(name)
            guard try await !holders.others(of: name) else { return }
            for consumer in GroupConsumer.all(of: group) { try await end(consumer) }
        }
    }

    /// Without the session's word others take the group for one that nobody holds.
    private func leave(_ group: String, _ holder: SharedHolder) async throws(KeyValueBucket.Failure) {
        for attempt in 1... {
            do throws(KeyValueBucket.Failure) {
                return try await holders.leave(group, to: Self.key(of: holder), expiry: holder.expiry)
            } catch {
                guard attempt < Self.mostAttempts else { throw error }
                try? await Task.sleep(for: Self.pace)
            }
        }
    }

    package func whenHeld(_ groups: [SharedGroup], then: @escaping @Sendable (Bool) -> Void) {
        guard let group = groups.first else { return then(true) }
        let isHeld: @Sendable (Bool) -> Void = { [weak self] isHeld in
            isHeld ? self?.whenHeld(Array(groups.dropFirst()), then: then) : then(false)
        }
        let isReady = state.withLock { state -> Bool? in
            guard let isReady = state.groups[group]?.isReady else { return false }
            if isReady { return true }
            state.groups[group]?.waiting.append(isHeld)
            return nil
        }
        if let isReady { isHeld(isReady) } else { prepare(group) }
    }

    private static func key(of holder: SharedHolder) -> String { GroupConsumer.name(of: [holder.name.text]) }

    /// Does something in the bucket behind what is being done there for the group.
    private func follow(_ group: SharedGroup, _ work: @escaping @Sendable () async throws -> Void) {
        state.withLock { state in
            let (before, number) = (state.tasks[group]?.task, state.next())
            let task = Task { [self] in
                await before?.value
                do {
                    try await work()
                } catch {
                    logger.warning("a shared subscription isn't looked after", metadata: ["reason": "\(error)"])
                }
                self.state.withLock { if $0.tasks[group]?.number == number { $0.tasks[group] = nil } }
            }
            state.tasks[group] = (number, task)
        }
    }

    // MARK: Its consumer

    /// Sees to it that the group's messages wait for it, if they don't yet.
    ///
    /// - Parameter holder: a session that has the subscription anew, and isn't the one of its client that may have left.
    private func prepare(_ group: SharedGroup, anew holder: SharedHolder? = nil) {
        let (isDue, isBack, expiry) = state.withLock { state -> (Bool, Bool, UInt32) in
            guard let found = state.groups[group], !found.isPreparing else { return (false, false, 0) }
            state.groups[group]?.isPreparing = !found.isReady
            return (!found.isReady, !found.back.isEmpty, found.expiry)
        }
        guard isDue || isBack else { return }
        let name = GroupConsumer.name(of: group)
        follow(group) { [self] in
            var isReady = false
            defer { if isDue { prepared(group, isReady) } }
            if isDue {
                if let holder { try await holders.comeBack(Self.key(of: holder), to: name) }
                let last = try await jetStream.lastSequence(of: stream)
                let start = state.withLock { $0.groups[group]?.start(last) ?? last }
                try await holders.hold(name, expiry: expiry)
                let isOthers = try await holders.others(of: name)
                let isOwn = state.withLock { $0.groups[group]?.isOwn ?? true }
                for consumer in GroupConsumer.all(of: group) {
                    try await begin(consumer, behind: start, anew: !isOthers && !isOwn)
                }
                isReady = true
            }
            guard isReady || state.withLock({ $0.groups[group]?.isReady }) == true else { return }
            for key in state.withLock({ $0.groups[group]?.back }) ?? [] {
                try await holders.comeBack(key, to: name)
                _ = state.withLock { $0.groups[group]?.back.remove(key) }
            }
        }
    }

    private func prepared(_ group: SharedGroup, _ isReady: Bool) {
        let waiting = state.withLock { state in
            state.groups[group]?.isPreparing = false
            state.groups[group]?.isReady = isReady
            if isReady { state.groups[group]?.isOwn = true }
            defer { state.groups[group]?.waiting = [] }
            return state.groups[group]?.waiting ?? []
        }
        for then in waiting { then(isReady) }
        if isReady { change(group) { _ in } }
    }

    /// - Parameter anew: whether one that is there is what those have left who aren't there any more.
    private func begin(_ consumer: GroupConsumer, behind place: UInt64, anew: Bool) async throws(JetStreamError) {
        do throws(JetStreamError) {
            _ = try await jetStream.ask("CONSUMER.INFO", of: "\(stream).\(consumer.name)")
            guard anew else { return }
            try await end(consumer)
        } catch {
            guard error.isNoConsumer else { throw error }
        }
        let threshold = longestExpiry == .max ? nil : Int64(longestExpiry) + 86_400
        let configuration = consumer.configuration(behind: place, threshold: threshold)
        do throws(JetStreamError) {
            _ = try await jetStream.ask(
                "CONSUMER.DURABLE.CREATE",
                of: "\(stream).\(consumer.name)",
                ["stream_name": .string(stream), "config": .object(configuration)]
            )
        } catch {
            // Another process may have made it meanwhile, from another place on.
            guard case .refused = error else { throw error }
            _ = try await jetStream.ask("CONSUMER.INFO", of: "\(stream).\(consumer.name)")
        }
    }

    private func end(_ consumer: GroupConsumer) async throws(JetStreamError) {
        do throws(JetStreamError) {
            _ = try await jetStream.ask("CONSUMER.DELETE", of: "\(stream).\(consumer.name)")
        } catch {
            guard error.isNoConsumer else { throw error }
        }
    }

    // MARK: Members

    package func join(_ group: SharedGroup, give: @escaping @Sendable ([Message]) -> Void) -> SharedMember {
        state.withLock { state in
            let number = state.next()
            state.groups[group]?.members[number] = give
            state.groups[group]?.queue.join(number)
            return SharedMember(group: group, number: number)
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
        change(member.group) { group in
            group.queue.settle(place, by: member.number, isDone: isDone)
            guard isDone, let reply = group.replies.removeValue(forKey: place) else { return }
            self.say("+ACK", to: reply)
        }
    }

    /// The consumer knows.
    package func floor(of group: SharedGroup) -> UInt64 { 0 }

    private func say(_ word: String, to reply: String) { connection.post(ByteBuffer(string: word), to: reply) }

    /// Changes a group, hands out what can be then, gives back what nobody here takes and fetches what is wanted.
    private func change(_ group: SharedGroup, _ change: (inout Group) -> Void) {
        state.withLock { state in
            guard var found = state.groups.removeValue(forKey: group) else { return }
            change(&found)
            for (number, messages) in found.queue.handOut() { found.members[number]?(messages) }
            for message in found.queue.surrender() {
                if let reply = found.replies.removeValue(forKey: message.place) { say("-NAK", to: reply) }
            }
            fetch(&found, &state)
            state.groups[group] = found
        }
    }

    private func fetch(_ group: inout Group, _ state: inout State) {
        guard group.isReady, connection.link.isUp else { return }
        let wanted = group.queue.wanted
        for (index, consumer) in group.consumers.enumerated() {
            let missing = group.fetches.values.reduce(0) { $0 + ($1.consumer == index ? $1.missing : 0) }
            guard wanted > missing else { continue }
            let number = state.next()
            group.fetches[number] = Fetch(
                consumer: index,
                missing: wanted - missing,
                deadline: .now + Self.longestFetch + Self.pace
            )
            let request: JSONObject = [
                "batch": .integer(Int64(wanted - missing)),
                "expires": .integer(Self.longestFetch.milliseconds * 1_000_000),
            ]
            connection.post(
                ByteBuffer(string: JSONValue.object(request).text),
                to: JetStream.subject(of: "CONSUMER.MSG.NEXT", "\(stream).\(consumer.name)"),
                reply: "\(inbox).\(consumer.name).\(number)"
            )
        }
    }

    // MARK: What comes

    /// On the connection's thread.
    private func came(_ incoming: NATSMessage) {
        guard let reply = incoming.reply, let place = StreamPlace(reply: reply) else { return over(incoming) }
        guard let group = state.withLock({ $0.byConsumer[place.consumer] }) else { return say("-NAK", to: reply) }
        let message = state.withLock { try? $0.reader.read(incoming.payload, trace: incoming.trace).message }
        if message == nil { malformed.increment() }
        change(group) { found in
            found.came(by: place.consumer)
            guard var message, group.filter.matches(message.topic) else { return say("+ACK", to: reply) }
            message.place = place.sequence
            found.newest = max(found.newest ?? 0, place.sequence)
            // One that a member has already: the server has waited for a word for too long.
            guard found.replies.updateValue(reply, forKey: place.sequence) == nil else { return }
            found.queue.received(message)
        }
    }

    /// A fetch has lasted as long as it may, or there is no such consumer.
    private func over(_ incoming: NATSMessage) {
        let levels = incoming.subject.split(separator: ".")
        guard let number = levels.last.flatMap({ UInt64($0) }), let consumer = levels.dropLast().last,
            let group = state.withLock({ $0.byConsumer[consumer] })
        else { return }
        let status = incoming.header("Status")
        let isGone = status == "503" || incoming.header("Description")?.contains("Deleted") == true
        change(group) { found in
            // What the server refuses now had better not be asked for at once.
            if status == "409" {
                found.fetches[number]?.deadline = .now + Self.pace
            } else {
                found.fetches[number] = nil
            }
            if isGone { found.isReady = false }
        }
    }

    private func changed(_ isUp: Bool) {
        let groups = state.withLock { Array($0.groups.keys) }
        for group in groups { change(group) { $0.fetches = [:] } }
    }

    /// - Parameter saysSo: whether the server is to hear of what members still have.
    private func tidy(at now: ContinuousClock.Instant, saysSo: Bool) {
        let groups = state.withLock { $0.groups.mapValues { ($0.isReady, Array($0.replies.values)) } }
        for (group, (isReady, replies)) in groups {
            guard isReady else {
                prepare(group)
                continue
            }
            if saysSo { for reply in replies { say("+WPI", to: reply) } }
            change(group) { found in
                for (number, fetch) in found.fetches where fetch.deadline < now { found.fetches[number] = nil }
            }
        }
    }
}
