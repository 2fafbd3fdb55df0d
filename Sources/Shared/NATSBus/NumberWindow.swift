/// Which of one sender's latest messages have come. Of those that are further back than ``size`` it takes all for come.
package struct NumberWindow {
    /// So many back: those of some seconds at the highest rate of one sender.
    package static let size: UInt64 = 1 << 18

    private var bits = [UInt64](repeating: 0, count: Int(size / 64))
    private var highest: UInt64 = 0

    package init() {}

    package func contains(_ number: UInt64) -> Bool {
        guard number <= highest else { return false }
        return highest - number >= Self.size || bits[Self.word(number)] & Self.bit(number) != 0
    }

    /// False if it has come before.
    package mutating func insert(_ number: UInt64) -> Bool {
        guard !contains(number) else { return false }
        if number > highest {
            if number - highest >= Self.size {
                for word in bits.indices { bits[word] = 0 }
            } else {
                for skipped in (highest + 1)...number { bits[Self.word(skipped)] &= ~Self.bit(skipped) }
            }
            highest = number
        }
        bits[Self.word(number)] |= Self.bit(number)
        return true
    }

    private static func word(_ number: UInt64) -> Int { Int((number % size) / 64) }

    private static func bit(_ number: UInt64) -> UInt64 { 1 << (number % 64) }
}
