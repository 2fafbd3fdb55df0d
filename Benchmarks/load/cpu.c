#define _GNU_SOURCE
#include "cpu.h"
#include "options.h"
#include "support.h"
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

double cpu_own_seconds(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
        + (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static double cpu_seconds(pid_t pid) {
    char path[64], text[1024];
    unsigned long user, system;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "r");
    if (!file) fail(EXIT_SERVER, "server process %d is gone", (int)pid);
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    const char *fields = strrchr(text, ')');   /* the name in brackets may hold anything */
    if (!fields || sscanf(fields + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2)
        fail(EXIT_MACHINE, "cannot read %s", path);
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

double cpu_seconds_of(const pid_t *pids, uint32_t count) {
    double sum = 0;
    for (uint32_t i = 0; i < count; i++) sum += cpu_seconds(pids[i]);
    return sum;
}

Moment moment_now(void) {
    return (Moment){ clock_now(), cpu_own_seconds(), cpu_seconds_of(options.server_pids, options.server_pid_count) };
}
