#include "memory.h"
#include "support.h"
#include <stdio.h>

static uint64_t proportional_set(pid_t pid) {
    char path[64], line[256];
    unsigned long long kilobytes = 0;
    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
    FILE *file = fopen(path, "r");
    if (!file) fail(EXIT_SERVER, "cannot read the memory of server process %d", (int)pid);
    while (fgets(line, sizeof line, file))
        if (sscanf(line, "Pss: %llu kB", &kilobytes) == 1) break;
    fclose(file);
    if (!kilobytes) fail(EXIT_SERVER, "server process %d has no memory: it has ended", (int)pid);
    return kilobytes << 10;
}

uint64_t memory_of(const pid_t *pids, uint32_t count) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < count; i++) sum += proportional_set(pids[i]);
    return sum;
}
