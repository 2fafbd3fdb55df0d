internal import CMalloc
internal import ServiceLifecycle

/// Gives memory back to the system that connections had which have gone: glibc's allocator does so by itself for the end of its heaps only,
/// where there is mostly something that lives on.
struct FreeMemory: Service {
    private static let pace = Duration.seconds(2)
    /// What has to be free more than at the least since it was given back last: it may be used again, and looking for it holds up who allocates,
    /// for some milliseconds.
    private static let portion = 4 << 20
    /// Blocks of this size and larger, such as password hashes take, go back at once. (Otherwise the first that is freed raises that bound
    /// above its own size.)
    private static let largest: Int32 = 4 << 20

    static func prepare() { allocator_map_from(largest, largest * 16) }

    func run() async {
        await cancelWhenGracefulShutdown {
            var least = 0
            while (try? await Task.sleep(for: Self.pace)) != nil {
                let free = Int(clamping: allocator_free_bytes())
                guard free > least, free - least > Self.portion else {
                    least = min(least, free)
                    continue
                }
                allocator_trim()
                // It still counts as free.
                least = Int(clamping: allocator_free_bytes())
            }
        }
    }
}
