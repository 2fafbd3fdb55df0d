internal import SQL

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

extension PostgresConfiguration {
    /// The addresses that the host has now, in the order in which they are to be tried; of a Unix socket only nil.
    /// Blocks as long as the resolver does, which has limits of its own.
    func addresses() throws(SQLError) -> [String?] {
        if let problem { throw SQLError(.unavailable, problem) }
        guard !isSocket else { return [nil] }
        var list: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(host, nil, nil, &list)
        guard status == 0 else { throw SQLError(.unavailable, "\(host): \(String(cString: gai_strerror(status)))") }
        defer { freeaddrinfo(list) }
        var addresses: [String?] = []
        var next = list
        while let entry = next?.pointee {
            // Each address stands there once for every kind of socket.
            if let address = Self.text(entry), !addresses.contains(address) { addresses.append(address) }
            next = entry.ai_next
        }
        return addresses
    }

    private static func text(_ entry: addrinfo) -> String? {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(NI_MAXHOST)) { buffer in
            let size = socklen_t(buffer.count)
            let status = getnameinfo(entry.ai_addr, entry.ai_addrlen, buffer.baseAddress, size, nil, 0, NI_NUMERICHOST)
            guard status == 0, let start = buffer.baseAddress else { return nil }
            return String(cString: start)
        }
    }
}
