/// A line that is typed without being shown, byte by byte.
///
/// The terminal is switched to hand over every key, so that Ctrl-C can't end the program while its echo is off.
package struct PasswordLine: Sendable {
    package enum Step: Equatable, Sendable {
        case more
        case done
        case interrupted
    }

    package static let maximumLength = 4_096
    private var bytes: [UInt8] = []

    package init() {}

    /// What was typed so far; nil if it is no UTF-8.
    package var text: String? { String(validating: bytes, as: UTF8.self) }

    package mutating func type(_ byte: UInt8) -> Step {
        switch byte {
        case 0x0A, 0x0D, 0x04: return .done
        case 0x03: return .interrupted
        case 0x08, 0x7F: eraseLast()
        case 0x15: bytes = []
        default: if bytes.count < Self.maximumLength { bytes.append(byte) }
        }
        return .more
    }

    /// Takes the last character back, with all of its bytes.
    private mutating func eraseLast() {
        while let byte = bytes.popLast(), byte & 0xC0 == 0x80 {}
    }
}
