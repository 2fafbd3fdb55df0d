#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Each connection is an open file, and what a shell allows is meant for other programs.
package enum FileLimit {
    /// Raises the soft limit of open files as far as it may be. Answers what holds now.
    @discardableResult
    package static func raise() -> Int {
        var limit = rlimit()
        #if canImport(Glibc)
            let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        #else
            let resource = RLIMIT_NOFILE
        #endif
        guard getrlimit(resource, &limit) == 0 else { return 0 }
        limit.rlim_cur = limit.rlim_max
        _ = setrlimit(resource, &limit)
        _ = getrlimit(resource, &limit)
        return Int(clamping: limit.rlim_cur)
    }
}
