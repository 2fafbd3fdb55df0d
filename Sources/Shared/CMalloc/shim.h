// What glibc's allocator can be told; nothing elsewhere.
#include <stddef.h>
#include <stdlib.h>

#if defined(__GLIBC__) && defined(__GLIBC_PREREQ)
#if __GLIBC_PREREQ(2, 33)
#define ALLOCATOR_IS_GLIBC 1
#include <malloc.h>
#endif
#endif

/// What is larger than so many bytes is given back to the system when it is freed; of the end of a heap less than `kept` isn't: buffers
/// that grow and go would have it mapped again and again.
static inline void allocator_map_from(int bytes, int kept) {
#ifdef ALLOCATOR_IS_GLIBC
    mallopt(M_MMAP_THRESHOLD, bytes);
    mallopt(M_TRIM_THRESHOLD, kept);
#endif
}

/// Bytes that are free and may still be resident.
static inline size_t allocator_free_bytes(void) {
#ifdef ALLOCATOR_IS_GLIBC
    return mallinfo2().fordblks;
#else
    return 0;
#endif
}

/// Gives what is free back to the system.
static inline void allocator_trim(void) {
#ifdef ALLOCATOR_IS_GLIBC
    malloc_trim(0);
#endif
}
