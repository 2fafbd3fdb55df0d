internal import CNIOLinux
internal import NIOCore

/// Who counts as one client before anything else is known: an IPv4 address, or the 64 bits of an IPv6 address that name a network, in
/// which everybody can have as many addresses as they like.
struct ClientNetwork: Hashable {
    private let isV4: Bool
    private let bits: UInt64

    /// Nil if it is neither.
    init?(_ address: SocketAddress) {
        switch address {
        case .v4(let address):
            self.init(v4: UInt64(address.address.sin_addr.s_addr))
        case .v6(let address):
            let (high, low) = withUnsafeBytes(of: address.address.sin6_addr) { bytes in
                (bytes.loadUnaligned(as: UInt64.self), bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            }
            // An IPv4 client on a socket for both (RFC 4291 section 2.5.5.2).
            let isMapped = high == 0 && UInt64(bigEndian: low) >> 32 == 0xFFFF
            self.init(isV4: isMapped, bits: isMapped ? low >> 32 : high)
        case .unixDomainSocket:
            return nil
        }
    }

    private init(v4 bits: UInt64) { self.init(isV4: true, bits: bits) }

    private init(isV4: Bool, bits: UInt64) { (self.isV4, self.bits) = (isV4, bits) }
}
