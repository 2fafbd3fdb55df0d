/* CPU time, user and system, all threads. */
#pragma once
#include <stdint.h>
#include <sys/types.h>

double cpu_own_seconds(void);

/* The sum over these processes; ends the program when one of them is gone. */
double cpu_seconds_of(const pid_t *pids, uint32_t count);

/* When it is, and what has been spent so far. */
typedef struct {
    uint64_t time;
    double own_cpu, server_cpu;
} Moment;

Moment moment_now(void);
