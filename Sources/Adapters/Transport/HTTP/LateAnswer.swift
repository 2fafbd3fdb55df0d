/// An outcome that may come at once or later: whoever produces it doesn't have to know which. Confined to its loop.
package final class LateAnswer {
    private let reply: any HTTPReply
    private var early: HTTPOutcome?
    private var isLate = false

    package init(_ reply: any HTTPReply) {
        self.reply = reply
    }

    package func finish(_ outcome: HTTPOutcome) {
        if isLate { reply.finish(outcome) } else { early = outcome }
    }

    /// What to return now. Call once, when everything that may finish at once had its chance.
    package var outcome: HTTPOutcome {
        isLate = true
        return early ?? .later
    }
}
