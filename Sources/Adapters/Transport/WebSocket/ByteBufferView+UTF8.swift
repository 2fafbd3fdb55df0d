package import NIOCore

extension ByteBufferView {
    /// Whether the bytes are well-formed UTF-8. ASCII, the usual case, is told without allocating.
    package var isUTF8: Bool {
        withUnsafeBytes { $0.allSatisfy { $0 < 0x80 } } || String(validating: self, as: UTF8.self) != nil
    }
}
