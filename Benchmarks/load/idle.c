#define _GNU_SOURCE
#include "idle.h"
#include "client.h"
#include "memory.h"
#include "options.h"
#include "support.h"
#include <errno.h>
#include <string.h>
#include <sys/resource.h>

enum { OTHER_FILES = 64 };

static void allow_files(uint32_t connections) {
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur >= connections + OTHER_FILES) return;
    limit.rlim_cur = connections + OTHER_FILES;
    if (limit.rlim_max < limit.rlim_cur) limit.rlim_max = limit.rlim_cur;   /* for who may */
    if (setrlimit(RLIMIT_NOFILE, &limit))
        fail(EXIT_MACHINE, "%u connections need more open files: %s", connections, strerror(errno));
}

IdleMeasurement idle_run(void) {
    IdleMeasurement measurement = { .memory_before = memory_of(options.server_pids, options.server_pid_count) };
    allow_files(options.publishers + options.subscribers);
    measurement.start = moment_now();
    clients_open();
    measurement.opened = moment_now();
    uint64_t end = measurement.opened.time + (uint64_t)(options.seconds * 1e9);
    while (network_time < end) {
        network_poll(50 * MILLISECOND);
        clients_keep_alive();
    }
    measurement.memory_after = memory_of(options.server_pids, options.server_pid_count);
    return measurement;
}
