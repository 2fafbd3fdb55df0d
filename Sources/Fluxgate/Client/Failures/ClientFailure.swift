/// Why a command could not do what it was asked to: a sentence for people and a status for scripts.
package struct ClientFailure: Error, Equatable {
    package let status: CommandStatus
    /// A whole sentence, without secrets; what others sent is in it as plain text.
    package let message: String

    package init(_ status: CommandStatus, _ message: String) {
        self.status = status
        self.message = message.plain
    }
}

extension ClientFailure {
    /// A refusal over HTTP.
    package init(_ action: String, httpStatus: Int, detail: String?) {
        let detail = detail.flatMap { $0.isEmpty ? nil : ": \($0)" } ?? ""
        self.init(CommandStatus(httpStatus: httpStatus), "\(action): the server answered \(httpStatus)\(detail).")
    }

    /// The end of a WebSocket that wasn't asked for.
    package init(_ action: String, closeCode: UInt16, reason: String) {
        let status = CommandStatus(closeCode: closeCode)
        let detail = reason.isEmpty ? "" : ": \(reason)"
        self.init(
            status == .success ? .unavailable : status,
            "\(action): the server closed the connection with code \(closeCode)\(detail)."
        )
    }
}

extension StringProtocol {
    /// The text without characters that a terminal would obey.
    package var plain: String {
        guard unicodeScalars.contains(where: \.isControl) else { return String(self) }
        return unicodeScalars.reduce(into: "") { text, scalar in
            text.unicodeScalars.append(scalar.isControl ? "\u{FFFD}" : scalar)
        }
    }
}

extension Unicode.Scalar {
    fileprivate var isControl: Bool {
        switch properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: true
        default: false
        }
    }
}
