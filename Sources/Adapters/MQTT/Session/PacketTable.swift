/// Packet identifiers in use, each with what it waits for, oldest first.
///
/// An array that is searched from the front: acknowledgements mostly come in order, so the first entry is the right
/// one, and an entry takes four bytes. Empty it holds no storage.
struct PacketTable<Stage: Sendable>: Sendable {
    private struct Entry: Sendable {
        let id: UInt16
        var stage: Stage
    }

    /// Above this many entries the storage is given back when the table runs empty.
    private static var keptCapacity: Int { 64 }

    private var entries: [Entry] = []

    var count: Int { entries.count }

    /// Oldest first.
    var all: [(id: UInt16, stage: Stage)] { entries.map { ($0.id, $0.stage) } }

    func contains(_ id: UInt16) -> Bool { index(of: id) != nil }

    /// What the identifier waits for, `nil` when it is free. Setting it enters, changes or removes.
    subscript(id: UInt16) -> Stage? {
        get { index(of: id).map { entries[$0].stage } }
        set {
            switch (index(of: id), newValue) {
            case (let index?, let stage?): entries[index].stage = stage
            case (let index?, nil): remove(at: index)
            case (nil, let stage?): entries.append(Entry(id: id, stage: stage))
            case (nil, nil): break
            }
        }
    }

    /// Enters an identifier that is free; false if it isn't.
    mutating func enter(_ id: UInt16, _ stage: Stage) -> Bool {
        guard !contains(id) else { return false }
        entries.append(Entry(id: id, stage: stage))
        return true
    }

    private func index(of id: UInt16) -> Int? { entries.firstIndex { $0.id == id } }

    private mutating func remove(at index: Int) {
        entries.remove(at: index)
        if entries.isEmpty && entries.capacity > Self.keptCapacity { entries = [] }
    }
}
