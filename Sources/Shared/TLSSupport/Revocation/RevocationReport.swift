internal import Logging
internal import Metrics

/// Tells an operator of a listener's revocation lists: each problem once when it appears, and when all is well again.
struct RevocationReport {
    private let listener: String
    private var logged: Set<RevocationProblem>
    private var counted: Set<RevocationProblem> = []

    /// - Parameter logged: what has been said at the start.
    init(_ listener: String, logged: Set<RevocationProblem>) {
        self.listener = listener
        self.logged = logged
    }

    /// - Parameters:
    ///   - isAsked: whether an operator wants to hear everything again.
    ///   - now: seconds since 1970.
    mutating func tell(_ lists: RevocationLists, isAsked: Bool, at now: Int, _ metrics: any MetricsFactory) {
        let problems = lists.problems(at: now)
        if isAsked { (logged, counted) = ([], []) }
        let logger = Logger(label: listener)
        for problem in problems.subtracting(logged).sorted(by: { $0.description < $1.description }) {
            logger.warning(
                "revocation list",
                metadata: ["problem": "\(problem)", "reason": "\(problem.reason.rawValue)"]
            )
        }
        for problem in problems.subtracting(counted) {
            let labels = [("listener", listener), ("reason", problem.reason.rawValue)]
            Counter(label: "fluxgate_crl_problems_total", dimensions: labels, factory: metrics).increment()
        }
        if problems.isEmpty, !logged.isEmpty { logger.notice("revocation lists are in order again") }
        (logged, counted) = (problems, problems)
        let labels = [("listener", listener)]
        Meter(label: "fluxgate_crl_entries", dimensions: labels, factory: metrics).set(lists.count)
        if let next = lists.nextUpdate {
            Meter(label: "fluxgate_crl_seconds_until_next_update", dimensions: labels, factory: metrics)
                .set(next - now)
        }
    }
}

extension RevocationProblem: CustomStringConvertible {
    var description: String { "\(place) \(words)" }

    private var words: String {
        switch reason {
        case .unreadable: "can't be read"
        case .unreachable: "doesn't answer with a revocation list"
        case .empty: "holds no revocation list"
        case .tooLarge: "is larger than a revocation list may be"
        case .broken: "holds no revocation list, or a broken one"
        case .unsupported: "is a revocation list of a kind that can't be judged here"
        case .foreign: "is a revocation list of somebody who is no authority here"
        case .signature: "is a revocation list that its issuer hasn't signed, or may not sign"
        case .notYetValid: "is a revocation list of the future"
        case .older: "is an older revocation list than the one in use"
        case .expired: "is a revocation list that should have been replaced; what it names is still refused"
        }
    }
}
