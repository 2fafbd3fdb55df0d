/// A bar that fills as work gets done: `[######----]  60%  600/1000`.
package struct ProgressBar: Sendable {
    package static let width = 30
    /// Goes to the start of a terminal's line and clears it.
    package static let clearLine = "\r\u{1B}[K"

    package let total: Int

    package init(total: Int) {
        self.total = total
    }

    package func line(_ done: Int) -> String {
        let share = total > 0 ? min(1, max(0, Double(done) / Double(total))) : 1
        let filled = Int(share * Double(Self.width))
        let percent = "\(Int(share * 100))%"
        return "[" + String(repeating: "#", count: filled) + String(repeating: "-", count: Self.width - filled) + "] "
            + String(repeating: " ", count: 4 - percent.count) + percent + "  \(done)/\(total)"
    }
}
