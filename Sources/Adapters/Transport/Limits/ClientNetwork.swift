internal import NIOCore

/// Who counts as one client before anything else is known: an IPv4 address, or the 64 bits of an IPv6 address that name a network, in
/// which everybody can have as many addresses as they like.
struct ClientNetwork: Hashable {
    private let isV4: Bool
    private let bits: UInt64

    /// Nil if it is neither.
    init?(_ address: SocketAddress) {
        // Where a `sockaddr_in` and a `sockaddr_in6` have their addresses.
        switch address.protocol {
        case .inet:
            guard let bits = address.load(UInt32.self, at: 4) else { return nil }
            self.init(isV4: true, bits: UInt64(bits))
        case .inet6:
            guard let high = address.load(UInt64.self, at: 8), let low = address.load(UInt64.self, at: 16) else {
                return nil
            }
            // An IPv4 client on a socket for both (RFC 4291 section 2.5.5.2).
            let isMapped = high == 0 && UInt64(bigEndian: low) >> 32 == 0xFFFF
            self.init(isV4: isMapped, bits: isMapped ? low >> 32 : high)
        default:
            return nil
        }
    }

    private init(isV4: Bool, bits: UInt64) { (self.isV4, self.bits) = (isV4, bits) }
}

extension SocketAddress {
    fileprivate func load<Value: FixedWidthInteger>(_ type: Value.Type, at offset: Int) -> Value? {
        withSockAddr { start, size in
            guard size >= offset + MemoryLayout<Value>.size else { return nil }
            return UnsafeRawBufferPointer(start: start, count: size).loadUnaligned(fromByteOffset: offset, as: type)
        }
    }
}
