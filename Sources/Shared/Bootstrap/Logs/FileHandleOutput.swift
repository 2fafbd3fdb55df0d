#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif
#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// A stream that takes whole lines: one system call each, so that lines of several threads don't mix.
struct FileHandleOutput {
    static let standardError = FileHandleOutput(descriptor: STDERR_FILENO)

    let descriptor: Int32

    func write(_ line: Data) throws {
        line.withUnsafeBytes { bytes in
            if let start = bytes.baseAddress { _ = unistdWrite(descriptor, start, bytes.count) }
        }
    }
}

private func unistdWrite(_ descriptor: Int32, _ bytes: UnsafeRawPointer, _ count: Int) -> Int {
    #if canImport(Glibc)
        Glibc.write(descriptor, bytes, count)
    #else
        Darwin.write(descriptor, bytes, count)
    #endif
}
