/* The command line and the accounts. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { STAMP_BYTES = 16, MAX_SERVER_PIDS = 64 };

typedef struct {
    char *user, *password; /* NULL: none */
} Account;

typedef struct {
    const char *host, *port, *topic, *credentials;
    uint32_t publishers, subscribers, size, window, batch;
    double seconds, warmup, drain, timeout;
    pid_t server_pids[MAX_SERVER_PIDS];
    uint32_t server_pid_count;
    Account *accounts; /* connection i logs in with accounts[i mod account_count] */
    uint32_t account_count;
} Options;

extern Options options;

/* Fills `options`; ends the program on anything it doesn't understand. */
void options_read(int count, char **arguments);
