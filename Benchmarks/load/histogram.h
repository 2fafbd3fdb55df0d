/* Durations in buckets that are 1.6 % wide: 64 for each power of two of nanoseconds. */
#pragma once
#include <stdint.h>

enum { HISTOGRAM_BITS = 6, HISTOGRAM_STEPS = 1 << HISTOGRAM_BITS };

typedef struct {
    uint64_t count, largest;
    uint64_t buckets[(64 - HISTOGRAM_BITS + 1) * HISTOGRAM_STEPS];
} Histogram;

static inline void histogram_add(Histogram *histogram, uint64_t value) {
    unsigned index = (unsigned)value;
    if (value >= HISTOGRAM_STEPS) {
        unsigned power = 63u - (unsigned)__builtin_clzll(value), shift = power - HISTOGRAM_BITS;
        index = ((shift + 1) << HISTOGRAM_BITS) + (unsigned)((value >> shift) & (HISTOGRAM_STEPS - 1));
    }
    histogram->buckets[index]++;
    histogram->count++;
    if (value > histogram->largest) histogram->largest = value;
}

/* The value in microseconds below which this fraction lies; 0 for an empty histogram. */
double histogram_quantile_us(const Histogram *histogram, double fraction);
