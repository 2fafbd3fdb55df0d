/* Memory of processes. */
#pragma once
#include <stdint.h>
#include <sys/types.h>

/* The proportional set size of these processes together, in bytes. */
uint64_t memory_of(const pid_t *pids, uint32_t count);
