internal import Foundation
package import Logging
package import Messaging
internal import Metrics
package import Model
internal import NIOCore
internal import Synchronization

/// The ``RetainedMessages`` of several processes: a stream that keeps the last message of each subject. The bus puts there what it publishes, so
/// that what is acknowledged is retained; an empty message stands for none, until that is removed.
///
/// A subject is `fluxgate.retained.<tenant>.<channel>[.<subtopic>].=`: with the mark at the end each filter of MQTT is one of NATS.
package final class RetainedStream: RetainedMessages {
    /// Where a message is to be retained.
    enum Destination: Equatable {
        case subject(String)
        /// Its channel has too many.
        case none
        /// Whose it is isn't known any more.
        case unknown
    }

    fileprivate struct Known {
        let tenant: Tenant.ID
        /// How many there were when they were counted; nil: they haven't been.
        var counted: Int?
        /// The hashes of subjects that messages were retained on since then, some of them in the place of others.
        var since: Set<Int> = []
        /// Since when it is known that there are too many.
        var full: ContinuousClock.Instant?

        /// Whether there may be a message on the subject, and whether there may be too many then.
        mutating func take(_ subject: String, _ maximum: Int) -> (isTaken: Bool, isFull: Bool) {
            if since.contains(subject.hashValue) { return (true, false) }
            let isFull = counted.map { $0 + since.count >= maximum } ?? true
            guard counted ?? 0 < maximum, since.count < 2 * maximum else { return (false, isFull) }
            since.insert(subject.hashValue)
            return (true, isFull)
        }
    }

    fileprivate struct State {
        var channels: [ChannelID: Known] = [:]
        var uncounted: Set<ChannelID> = []
        /// Subjects, which may have wildcards, that messages are to be removed from which nobody gets any more.
        ///
        /// How often they are still to be looked through: what is on its way may not be there the first time.
        var stale: [String: Int] = [:]
        /// Subjects of channels that are gone, and when what was on its way there has come.
        var gone: [(subject: String, due: ContinuousClock.Instant)] = []
    }

    private static let name = "fluxgate-retained"
    private static let prefix = "fluxgate.retained"
    /// Channels that are remembered; beyond that all are forgotten.
    private static let capacity = 65_536
    /// Subjects that are looked after at a time; what there is more is found by the next who reads it.
    fileprivate static let mostStale = 4_096
    /// How often a channel that has too many is looked through.
    private static let patience = Duration.seconds(60)
    private static let pace = Duration.seconds(1)
    /// Most messages, and about most bytes, of one page.
    private static let (pageCount, pageBytes) = (128, 1 << 20)

    private let jetStream: JetStream
    private let fetches: StreamFetches
    private let keeper: StreamKeeper
    private let maximum: Int
    private let logger: Logger
    private let now: @Sendable () -> UInt64
    private let state = Mutex(State())

    /// - Parameters:
    ///   - maximumOfChannel: about how many one channel may have.
    ///   - now: nanoseconds since 1970.
    package init(
        _ connection: NATSConnection,
        maximumOfChannel: Int,
        logger: Logger,
        now: @escaping @Sendable () -> UInt64 = { UInt64(max(0, Date.now.timeIntervalSince1970 * 1e9)) }
    ) {
        jetStream = JetStream(connection)
        fetches = StreamFetches(connection)
        maximum = maximumOfChannel
        self.logger = logger
        self.now = now
        let configuration: JSONObject = [
            "subjects": [.string(Self.prefix + ".>")], "retention": "limits", "discard": "new",
            "max_msgs_per_subject": 1,
        ]
        keeper = StreamKeeper(jetStream, name: Self.name, configuration, logger: logger)
    }

    /// Why nothing can be retained; nil if it can, as far as is known.
    package var outage: String? { keeper.outage }

    /// Looks after it until the task is canceled.
    package func watch() async {
        async let isKept: Void = keeper.watch()
        while (try? await Task.sleep(for: Self.pace)) != nil {
            if keeper.outage == nil { await tidy() }
        }
        await isKept
    }

    // MARK: What is published

    /// Tells whose the channel is; the message itself is retained by the bus.
    package func retain(_ message: Message, of tenant: Tenant.ID) {
        state.withLock { state in
            guard state.channels[message.topic.channel] == nil else { return }
            if state.channels.count >= Self.capacity { state.channels = [:] }
            state.channels[message.topic.channel] = Known(tenant: tenant)
        }
    }

    /// Where the bus has to put a message that is to be retained.
    func destination(of message: Message) -> Destination {
        let channel = message.topic.channel
        let destination = state.withLock { state -> Destination in
            guard let tenant = state.channels[channel]?.tenant else { return .unknown }
            let subject = Self.subject(of: message.topic.subtopic, in: channel, of: tenant)
            if message.payload.readableBytes == 0 {
                state.lookAfter(subject)
                return .subject(subject)
            }
            let (isTaken, isFull) = state.channels[channel]?.take(subject, maximum) ?? (true, false)
            if isFull { state.uncounted.insert(channel) }
            return isTaken ? .subject(subject) : .none
        }
        if destination == .none { Counter(label: "fluxgate_retained_refused_total").increment() }
        return destination
    }

    private static func subject(of subtopic: Subtopic, in channel: ChannelID, of tenant: Tenant.ID) -> String {
        let levels = subtopic.levels.isEmpty ? "" : subtopic.dotted.text + "."
        return "\(prefix).\(tenant).\(channel).\(levels)="
    }

    private static func subject(of filter: TopicFilter, of tenant: Tenant.ID) -> String {
        let end = filter.subtopic.tail == .exact ? "=" : ">"
        return (["\(prefix).\(tenant).\(filter.channel)"] + BusSubject.levels(of: filter.subtopic) + [end]).joined(
            separator: "."
        )
    }

    // MARK: What is read

    package func read(
        _ filter: TopicFilter,
        of tenant: Tenant.ID,
        in range: RetainedRange,
        limit: Int,
        then: @escaping @Sendable (RetainedPage?) -> Void
    ) {
        Task {
            do {
                var range = range
                if range.upTo == .max { range.upTo = try await jetStream.lastSequence(of: Self.name) }
                then(try await page(of: filter, of: tenant, in: range, limit: max(1, min(limit, Self.pageCount))))
            } catch {
                logger.warning("retained messages not read", metadata: ["reason": "\(error)"])
                then(nil)
            }
        }
    }

    package func readRetained(at places: [UInt64], then: @escaping @Sendable ([UInt64: Message]?) -> Void) {
        Task {
            var (reader, messages) = (BusMessageReader(), [UInt64: Message]())
            do {
                for place in places {
                    let which: JSONObject = ["seq": .integer(Int64(clamping: place))]
                    guard let found = try await jetStream.message(of: Self.name, which),
                        var message = try? reader.read(found.payload).message, message.payload.readableBytes > 0
                    else { continue }
                    message.place = place
                    messages[place] = message
                }
                then(messages)
            } catch let error as JetStreamError where error.isNoStream {
                then([:])
            } catch {
                logger.warning("retained messages not read", metadata: ["reason": "\(error)"])
                then(nil)
            }
        }
    }

    private func page(
        of filter: TopicFilter,
        of tenant: Tenant.ID,
        in range: RetainedRange,
        limit: Int
    ) async throws(JetStreamError) -> RetainedPage {
        var cursor = StreamCursor(
            Self.subject(of: filter, of: tenant),
            of: Self.name,
            behind: range.behind,
            portion: limit,
            isLong: range.behind > 0
        )
        defer { cursor.close(fetches) }
        var (reader, messages, bytes) = (BusMessageReader(), [Message](), 0)
        while cursor.place < range.upTo, let found = try await cursor.next(jetStream, fetches),
            found.sequence <= range.upTo
        {
            guard let message = current(found, &reader) else {
                state.withLock { $0.lookAfter(found.subject) }
                continue
            }
            messages.append(message)
            bytes += found.payload.readableBytes
            guard messages.count >= limit || bytes >= Self.pageBytes else { continue }
            return RetainedPage(messages: messages, end: cursor.place, newest: range.upTo)
        }
        return RetainedPage(messages: messages, end: nil, newest: range.upTo)
    }

    /// What is to be delivered; nil if there is nothing (any more).
    private func current(_ found: JetStream.Stored, _ reader: inout BusMessageReader) -> Message? {
        guard var message = try? reader.read(found.payload).message, message.payload.readableBytes > 0,
            message.properties?.expires ?? .max > now()
        else { return nil }
        message.place = found.sequence
        return message
    }

    // MARK: The end of it

    /// Removes what was retained in channels that are gone.
    package func apply(_ event: AccessEvent) {
        let subject: String
        switch event {
        case .channelRemoved(let channel): subject = "\(Self.prefix).*.\(channel).>"
        case .tenantRemoved(let tenant): subject = "\(Self.prefix).\(tenant).>"
        case .thingRemoved, .keyChanged, .disconnected: return
        }
        state.withLock { state in
            // Once more for what other adapters have let in meanwhile.
            for delay in [Duration.zero, .seconds(10)] { state.gone.append((subject, .now + delay)) }
        }
    }

    /// Removes what nobody gets any more, and counts.
    package func tidy() async {
        let now = ContinuousClock.now
        let (gone, stale, uncounted) = state.withLock { state in
            defer {
                state.stale = state.stale.filter { $0.value > 1 }.mapValues { $0 - 1 }
                state.uncounted = []
            }
            let gone = state.gone.filter { $0.due <= now }
            state.gone.removeAll { $0.due <= now }
            return (gone, state.stale, state.uncounted)
        }
        for (subject, due) in gone {
            do throws(JetStreamError) {
                try await jetStream.remove(subject, from: Self.name)
            } catch {
                logger.warning("retained messages not removed yet", metadata: ["reason": "\(error)"])
                state.withLock { $0.gone.append((subject, due)) }
            }
        }
        do throws(JetStreamError) {
            for subject in stale.keys { try await removeStale(on: subject) }
            for channel in uncounted { try await count(channel) }
        } catch {
            // The next message of the channel, or who reads it, asks again.
            logger.debug("retained messages not looked through", metadata: ["reason": "\(error)"])
        }
    }

    /// Removes what is empty or too old.
    private func removeStale(on subject: String) async throws(JetStreamError) {
        var reader = BusMessageReader()
        var cursor = StreamCursor(subject, of: Self.name, behind: 0, portion: Self.pageCount)
        defer { cursor.close(fetches) }
        while let found = try await cursor.next(jetStream, fetches) {
            guard current(found, &reader) == nil else { continue }
            try await jetStream.removeMessage(at: found.sequence, from: Self.name)
        }
    }

    private func count(_ channel: ChannelID) async throws(JetStreamError) {
        guard let known = state.withLock({ $0.channels[channel] }) else { return }
        let all = "\(Self.prefix).\(known.tenant).\(channel).>"
        var (count, full) = (try await jetStream.count(all, of: Self.name), known.full)
        if count < maximum {
            full = nil
        } else if full.map({ .now - $0 > Self.patience }) ?? true {
            full = .now
            try await removeStale(on: all)
            count = try await jetStream.count(all, of: Self.name)
        }
        state.withLock { state in
            state.channels[channel]?.counted = count
            state.channels[channel]?.since = []
            state.channels[channel]?.full = full
        }
    }
}

extension RetainedStream.State {
    fileprivate mutating func lookAfter(_ subject: String) {
        if stale.count < RetainedStream.mostStale { stale[subject] = 2 }
    }
}
