import Messaging
import NATSBus
import TestSupport
import Testing

@Suite struct MessageMergeTests {
    private static let own: UInt64 = 9

    @Test func whatComesLiveIsGivenOnOnce() {
        let merge = Merge()
        #expect(merge.live(1, 5))
        #expect(!merge.live(1, 5))
        #expect(merge.live(2, 5))
    }

    @Test func whileTheStoreIsReadWhatComesLiveIsLeftToIt() {
        let merge = Merge()
        merge.value.missed()
        #expect(!merge.live(1, 7))
        #expect(merge.stored(1, 6) == [6])
        merge.value.caughtUp()
        #expect(!merge.value.isComplete)
        // Held behind what was left to the store.
        #expect(!merge.live(1, 8))
        #expect(!merge.live(1, 9))
        #expect(merge.live(2, 1))
        #expect(merge.stored(1, 7) == [7, 8, 9])
        #expect(merge.value.isComplete)
        #expect(merge.stored(1, 8) == [])
        #expect(merge.live(1, 10))
    }

    @Test func whatIsTooMuchToBeHeldIsLeftToTheStore() {
        let merge = Merge()
        merge.value.missed()
        #expect(!merge.live(1, 7))
        merge.value.caughtUp()
        for number: UInt64 in 8...9 { #expect(!merge.live(1, number, size: 256 << 10)) }
        #expect(merge.stored(1, 7) == [7])
        #expect(!merge.value.isComplete)
        #expect(!merge.live(1, 10))
        #expect(merge.stored(1, 8) == [8])
        #expect(merge.stored(1, 9) == [9, 10])
    }

    @Test func whatIsLeftToTheStoreOnPurposeComesOutOfIt() {
        let merge = Merge()
        merge.value.missed()
        merge.value.caughtUp()
        #expect(merge.live(1, 7))
        #expect(!merge.live(1, 8, leaving: true))
        #expect(!merge.live(1, 9))
        #expect(!merge.live(1, 10, leaving: true))
        #expect(merge.stored(1, 7) == [])
        #expect(merge.stored(1, 8) == [8])
        #expect(merge.stored(1, 9) == [9])
        #expect(merge.stored(1, 10) == [10])
        #expect(merge.value.isComplete)
    }

    @Test func whatSomebodyElseSeesToIsGivenOnByNeither() {
        let merge = Merge()
        merge.value.came(BusStamp(sender: 1, number: 7))
        #expect(!merge.live(1, 7))
        merge.value.missed()
        #expect(merge.stored(1, 7) == [])
    }

    @Test func aStoreThatCantBeReadHoldsNothingUpForEver() {
        let merge = Merge()
        merge.value.missed()
        #expect(!merge.live(1, 7))
        merge.value.givenUp()
        #expect(merge.live(1, 8))
        // It can be read again.
        #expect(merge.stored(1, 7) == [7])
        #expect(merge.stored(1, 8) == [])
        #expect(merge.value.isComplete)
    }

    @Test func whatIsHeldWhenTheStoreIsGivenUpComesOutOfItLater() {
        let merge = Merge()
        merge.value.missed()
        #expect(!merge.live(1, 7))
        merge.value.caughtUp()
        #expect(!merge.live(1, 8))
        merge.value.givenUp()
        #expect(merge.live(1, 9))
        #expect(merge.stored(1, 7) == [7])
        #expect(merge.stored(1, 8) == [8])
        #expect(merge.stored(1, 9) == [])
    }

    @Test func whatComesBehindSomethingThatIsStillGivenOnIsHeldForIt() {
        let merge = Merge()
        merge.value.missed()
        merge.value.caughtUp()
        #expect(!merge.live(1, 7, holding: true))
        #expect(!merge.live(2, 1, holding: true))
        #expect(merge.stored(2, 1) == [1])
        #expect(merge.release() == [7])
        #expect(merge.live(1, 8))
        #expect(merge.stored(1, 7) == [])
    }

    @Test func whatTheStoreNeverBringsIsKnownByThatItBringsNothing() {
        let merge = Merge()
        merge.value.missed()
        #expect(!merge.live(1, 7))
        #expect(!merge.live(2, 3))
        let left = merge.value.left
        #expect(left == [1: 7, 2: 3])
        #expect(!merge.value.hasRead(left))
        #expect(merge.stored(1, 8) == [8])
        #expect(!merge.live(2, 4))
        #expect(merge.stored(2, 3) == [3])
        #expect(merge.value.hasRead(left))
        #expect(!merge.value.isComplete)
    }

    @Test func itsOwnMessagesAndThoseWithoutANumberDontComeOutOfTheStore() {
        let merge = Merge()
        merge.value.missed()
        #expect(merge.stored(Self.own, 1) == [])
        #expect(merge.stored() == [])
        #expect(merge.live())
    }

    @Test func aSenderThatWasSilentForLongestIsForgottenFirst() {
        let merge = Merge()
        for sender in 100..<200 { #expect(merge.live(UInt64(sender), 1)) }
        #expect(!merge.live(199, 1))
        #expect(merge.live(100, 1))
    }

    /// Senders, a log that stores at once, a way that is cut and drops, subscribers that are behind: what is given on is each sender's
    /// messages, in order, each once.
    @Test(arguments: 0..<400) func nothingIsLostTwiceOrOutOfOrder(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var world = World()
        for _ in 0..<400 {
            switch Int.random(in: 0..<20, using: &random) {
            case 0..<7: world.publish(from: UInt64.random(in: 1...3, using: &random))
            case 7..<11: world.bringLive()
            case 11: world.bringLive(leaving: true)
            case 12: world.bringLive(holding: true)
            case 13..<18: world.bringStored()
            case 18: world.cut(back: Int.random(in: 0...5, using: &random))
            default: world.drop(&random)
            }
        }
        world.settle()
        for sender in UInt64(1)...3 {
            let given = world.given.filter { $0.sender == sender }.map(\.number)
            #expect(given == world.log.filter { $0.sender == sender }.map(\.number), "seed \(seed)")
        }
    }

    /// In a class, for `#expect`.
    private final class Merge {
        var value = MessageMerge<BusStamp>(own: MessageMergeTests.own)

        func live(_ sender: UInt64, _ number: UInt64, size: Int = 1, leaving: Bool = false, holding: Bool = false)
            -> Bool
        {
            let stamp = BusStamp(sender: sender, number: number)
            return value.live(stamp, stamp, size: size, leaving: leaving, holding: holding)
        }

        func live() -> Bool { value.live(nil, BusStamp(sender: 1, number: 1), size: 1) }
        func stored() -> [BusStamp] { value.stored(nil).held }
        func release() -> [UInt64] { value.release().map(\.number) }

        /// The numbers that are given on.
        func stored(_ sender: UInt64, _ number: UInt64) -> [UInt64] {
            let (isNew, held) = value.stored(BusStamp(sender: sender, number: number))
            return (isNew ? [number] : []) + held.map(\.number)
        }
    }

    /// What the process sees of its peers.
    private struct World {
        private(set) var log: [BusStamp] = []
        private(set) var given: [BusStamp] = []
        private var merge = MessageMerge<BusStamp>(own: MessageMergeTests.own)
        /// On its way, with its place in the log.
        private var live: [(stamp: BusStamp, place: Int)] = []
        /// Everything before it has come.
        private var position = 0
        private var next: Int?

        mutating func publish(from sender: UInt64) {
            let number = UInt64(log.count { $0.sender == sender }) + 1
            live.append((BusStamp(sender: sender, number: number), log.count))
            log.append(BusStamp(sender: sender, number: number))
        }

        mutating func bringLive(leaving: Bool = false, holding: Bool = false) {
            guard !live.isEmpty else { return }
            let (stamp, place) = live.removeFirst()
            if leaving || holding, next == nil { missed(back: 0) }
            // Two of them are too many to be held.
            if merge.live(stamp, stamp, size: 200 << 10, leaving: leaving, holding: holding) { given.append(stamp) }
            if holding { given += merge.release() }
            if next == nil { position = place + 1 }
        }

        mutating func bringStored() {
            guard let place = next else { return }
            if place < log.count {
                let (isNew, held) = merge.stored(log[place])
                given += (isNew ? [log[place]] : []) + held
                next = place + 1
                position = place + 1
            } else {
                merge.caughtUp()
                guard merge.isComplete, live.isEmpty else { return }
                merge.finished()
                next = nil
            }
        }

        mutating func cut(back: Int) {
            live = []
            missed(back: back)
        }

        mutating func drop(_ random: inout SeededGenerator) {
            guard !live.isEmpty else { return }
            live.remove(at: Int.random(in: live.indices, using: &random))
            missed(back: 0)
        }

        private mutating func missed(back: Int) {
            merge.missed()
            next = max(0, position - back)
        }

        mutating func settle() {
            while !live.isEmpty || next != nil {
                bringLive()
                bringStored()
            }
        }
    }
}

@Suite struct NumberWindowTests {
    @Test func eachNumberIsNewOnce() {
        var window = NumberWindow()
        for number: UInt64 in [1, 2, 5, 3, 70_000, 69_999, 4] {
            let (isNew, isNewAgain) = (window.insert(number), window.insert(number))
            #expect(isNew && !isNewAgain && window.contains(number))
        }
        #expect(!window.contains(6))
    }

    @Test func whatIsTooFarBackCountsAsCome() {
        var window = NumberWindow()
        let isFirst = window.insert(NumberWindow.size + 10)
        #expect(isFirst && window.contains(10) && !window.contains(11))
        let (isLast, isNone) = (window.insert(.max), window.insert(0))
        #expect(isLast && !isNone && window.contains(NumberWindow.size + 10))
    }

    @Test func itAgreesWithASet() {
        var (window, come) = (NumberWindow(), Set<UInt64>())
        var random = SeededGenerator(seed: 3)
        var highest: UInt64 = 0
        for _ in 0..<20_000 {
            let isJump = Int.random(in: 0..<200, using: &random) == 0
            highest += UInt64.random(in: 0...(isJump ? NumberWindow.size * 2 : 3), using: &random)
            let number = highest - min(highest, UInt64.random(in: 0..<50, using: &random))
            let isNew = window.insert(number)
            #expect(isNew == come.insert(number).inserted)
        }
    }
}

@Suite struct StreamPlaceTests {
    @Test func bothFormsOfTheReplySubjectAreRead() throws {
        let short = try #require(StreamPlace(reply: "$JS.ACK.s.c.1.44.7.1700000000000000000.12"))
        #expect((short.sequence, short.delivery, short.pending) == (44, 7, 12))
        let long = try #require(StreamPlace(reply: "$JS.ACK._.hash.s.c.1.44.7.1700000000000000000.12.random"))
        #expect((long.sequence, long.delivery, long.pending) == (44, 7, 12))
    }

    @Test(arguments: [
        "", "$JS.ACK", "_INBOX.a.b.c.d.e.f.g.h", "$JS.ACK.s.c.1.x.7.1.12", "$JS.ACK.s.c.1.44.x.1.12",
        "$JS.ACK.s.c.1.44.7.1.-1",
        "$JS.ACK.s.c.1.44.7.1.99999999999999999999", "$JS.ACK.........",
    ])
    func anythingElseIsNone(reply: String) { #expect(StreamPlace(reply: reply) == nil) }
}
