/* The connection rate: connect, log in, disconnect, and again. */
#pragma once
#include "cpu.h"
#include "histogram.h"

/* What had been done at one moment. */
typedef struct {
    Moment moment;
    uint64_t connections, resumed;   /* resumed: those that went on with a TLS session */
} ConnectSnapshot;

typedef struct {
    ConnectSnapshot start, end;   /* of the measured time */
    uint64_t total;               /* connections, the unmeasured ones too */
    Histogram latency;            /* from connect() to CONNACK */
} ConnectMeasurement;

const ConnectMeasurement *connect_run(void);
