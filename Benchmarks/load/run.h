/* One measured run: warm up, measure, wait for what is still under way. */
#pragma once
#include <stdint.h>

/* What had been done, and at what cost, at one moment. */
typedef struct {
    uint64_t time, sent, received;
    double own_cpu, server_cpu;
} Snapshot;

typedef struct {
    Snapshot start, end;   /* of the measured time */
} Measurement;

Measurement run(void);
