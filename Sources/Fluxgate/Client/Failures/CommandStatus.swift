/// How a client command ends; the numbers are those of sysexits.h where there is one.
package enum CommandStatus: Int32, Sendable, CaseIterable {
    case success = 0
    case failure = 1
    case usage = 64
    case badInput = 65
    case unavailable = 69
    case protocolError = 76
    case notAuthorized = 77
    case interrupted = 130

    /// A line for the help.
    package var meaning: String {
        switch self {
        case .success: "done"
        case .failure: "not done, for another reason than those below"
        case .usage: "the command line is wrong"
        case .badInput: "bad input: the file, or something that the server refuses to take"
        case .unavailable: "the service can't be reached or can't do it now: try again later"
        case .protocolError: "the other side doesn't answer as Fluxgate does"
        case .notAuthorized: "not authorized: wrong token, password or key, or no right to this"
        case .interrupted: "ended by Ctrl-C or SIGTERM before it was done"
        }
    }

    /// The section on exit codes that every client command's help ends with.
    package static let help =
        "EXIT CODES\n"
        + allCases.map { status in
            let number = "\(status.rawValue)"
            return "  " + String(repeating: " ", count: max(0, 3 - number.count)) + number + "  " + status.meaning
        }
        .joined(separator: "\n")
}

extension CommandStatus {
    /// What a refusal over HTTP means to whoever started the command.
    package init(httpStatus: Int) {
        switch httpStatus {
        case 200...299: self = .success
        case 401, 403: self = .notAuthorized
        case 400, 409, 413, 422: self = .badInput
        case 408, 429, 500...599: self = .unavailable
        default: self = .protocolError
        }
    }

    /// What a WebSocket close code means (RFC 6455 section 7.4.1).
    package init(closeCode: UInt16) {
        switch closeCode {
        case 1000: self = .success
        case 1008: self = .notAuthorized
        case 1007, 1009: self = .badInput
        case 1001, 1005, 1006, 1011, 1012, 1013: self = .unavailable
        default: self = .protocolError
        }
    }
}
