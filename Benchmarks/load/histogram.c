#include "histogram.h"

/* The middle of a bucket. */
static double bucket_value(unsigned index) {
    if (index < HISTOGRAM_STEPS) return index;
    double scale = (double)(1ull << ((index >> HISTOGRAM_BITS) - 1));
    return (HISTOGRAM_STEPS + (index & (HISTOGRAM_STEPS - 1)) + 0.5) * scale;
}

double histogram_quantile_us(const Histogram *histogram, double fraction) {
    const unsigned buckets = sizeof histogram->buckets / sizeof histogram->buckets[0];
    uint64_t wanted = (uint64_t)(fraction * (double)histogram->count + 0.999999), seen = 0;
    for (unsigned index = 0; histogram->count && index < buckets; index++) {
        seen += histogram->buckets[index];
        if (!seen || seen < wanted) continue;
        double value = bucket_value(index), largest = (double)histogram->largest;
        return (value > largest ? largest : value) / 1e3;
    }
    return 0;
}
