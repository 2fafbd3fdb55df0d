#define _GNU_SOURCE
#include "support.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

void fail(int code, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("mqttload: ", stderr);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(code);
}

void *zeroed(size_t count, size_t size) {
    void *memory = calloc(count ? count : 1, size);
    if (!memory) fail(EXIT_MACHINE, "out of memory");
    return memory;
}

void *resized(void *memory, size_t size) {
    if (!(memory = realloc(memory, size))) fail(EXIT_MACHINE, "out of memory");
    return memory;
}

uint64_t clock_now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * SECOND + (uint64_t)time.tv_nsec;
}
