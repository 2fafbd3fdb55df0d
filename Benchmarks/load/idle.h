/* Connections that are held and do nothing: what they take. */
#pragma once
#include "cpu.h"

typedef struct {
    Moment start, opened;
    uint64_t memory_before, memory_after;   /* of the server */
} IdleMeasurement;

IdleMeasurement idle_run(void);
