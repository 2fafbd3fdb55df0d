/* What every file needs: the end with a reason, memory that is there, and the clock. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define MILLISECOND 1000000ull
#define SECOND 1000000000ull

enum { EXIT_MACHINE = 1, EXIT_USAGE = 2, EXIT_SERVER = 3 };

/* Says why on standard error and ends the program: a run that went wrong is not a measurement. */
_Noreturn void fail(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

void *zeroed(size_t count, size_t size);
void *resized(void *memory, size_t size);

/* Nanoseconds on the monotonic clock. */
uint64_t clock_now(void);
