/* One measured run: warm up, measure, wait for what is still under way. */
#pragma once
#include "cpu.h"

/* What had been done, and at what cost, at one moment. */
typedef struct {
    Moment moment;
    uint64_t sent, received;
} Snapshot;

typedef struct {
    Snapshot start, end;   /* of the measured time */
} Measurement;

Measurement run(void);
