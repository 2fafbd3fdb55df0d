internal import Foundation
internal import Messaging
internal import Model
internal import NIOCore

/// Who holds the groups of shared subscriptions, in a bucket between processes: under `<group>.<holder>` until when, in nanoseconds since 1970.
/// A process holds what the connected sessions have that it serves, and says so again and again; a session whose client is away holds by itself.
struct GroupHolders {
    /// How long a process is believed to be there.
    private static let lease: UInt64 = 60_000_000_000
    /// How often it has to say so.
    static let pace = Duration.seconds(20)

    let bucket: KeyValueBucket
    let now: @Sendable () -> UInt64
    private let own = "\(UniqueID.random())"

    init(_ bucket: KeyValueBucket, now: @escaping @Sendable () -> UInt64) { (self.bucket, self.now) = (bucket, now) }

    /// The process holds a group.
    ///
    /// - Parameter expiry: for how many seconds its sessions would go on to hold it without the process; `.max`: for ever.
    func hold(_ group: String, expiry: UInt32) async throws(KeyValueBucket.Failure) {
        try await set("\(group).\(own)", max(end(in: expiry), now() &+ Self.lease))
    }

    func release(_ group: String) async throws(KeyValueBucket.Failure) { try await bucket.remove("\(group).\(own)") }

    /// A session holds a group from now on without its connection.
    func leave(_ group: String, to holder: String, expiry: UInt32) async throws(KeyValueBucket.Failure) {
        try await set("\(group).\(holder)", end(in: expiry))
    }

    /// The client of a session has come back.
    func comeBack(_ holder: String, to group: String) async throws(KeyValueBucket.Failure) {
        try await bucket.remove("\(group).\(holder)")
    }

    /// Whether anybody but this process holds a group.
    func others(of group: String) async throws(KeyValueBucket.Failure) -> Bool {
        for key in try await bucket.keys(below: group) where key != "\(group).\(own)" {
            guard let found = try await bucket.get(key), let end = UInt64(String(buffer: found.value)) else { continue }
            if end > now() { return true }
            try await bucket.remove(key, upTo: found.revision)
        }
        return false
    }

    private func end(in expiry: UInt32) -> UInt64 {
        expiry == .max ? .max : now() &+ UInt64(expiry) * 1_000_000_000
    }

    private func set(_ key: String, _ end: UInt64) async throws(KeyValueBucket.Failure) {
        try await bucket.set(ByteBuffer(string: "\(end)"), for: key)
    }
}
