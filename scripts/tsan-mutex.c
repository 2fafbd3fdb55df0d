// Tells Thread Sanitizer what Swift's Mutex does on Linux.
//
// The quick path of `Synchronization.Mutex` is inlined into our code, so the sanitizer sees its atomics. Its slow path,
// taken under contention, hands the lock over inside the kernel (a futex) from a library that is not instrumented: the
// sanitizer then misses the hand-over and reports races that are none. Preloaded into the test process, this library
// wraps the two slow functions and names the hand-over. A lock that is really missing is still found.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>

#define SWIFT __attribute__((swiftcall))
#define MUTEX __attribute__((swift_context)) void *mutex
#define LOCK_SLOW "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define UNLOCK_SLOW "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

// Weak: the library is also preloaded into `swift test` itself, which carries no sanitizer.
extern void __tsan_acquire(void *) __attribute__((weak));
extern void __tsan_release(void *) __attribute__((weak));

typedef SWIFT void (*LockSlow)(uint32_t, MUTEX);
typedef SWIFT void (*UnlockSlow)(MUTEX);

static LockSlow lock_slow;
static UnlockSlow unlock_slow;

__attribute__((constructor)) static void find_wrapped(void) {
    lock_slow = (LockSlow)dlsym(RTLD_NEXT, LOCK_SLOW);
    unlock_slow = (UnlockSlow)dlsym(RTLD_NEXT, UNLOCK_SLOW);
}

SWIFT void lock_and_acquire(uint32_t owner, MUTEX) __asm__(LOCK_SLOW);
SWIFT void lock_and_acquire(uint32_t owner, MUTEX) {
    lock_slow(owner, mutex);
    if (__tsan_acquire) __tsan_acquire(mutex);
}

SWIFT void release_and_unlock(MUTEX) __asm__(UNLOCK_SLOW);
SWIFT void release_and_unlock(MUTEX) {
    if (__tsan_release) __tsan_release(mutex);
    unlock_slow(mutex);
}
