/* The command line and the accounts. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { STAMP_BYTES = 16, MAX_SERVER_PIDS = 64 };

typedef struct {
    const char *user, *password, *certificate, *key; /* NULL: none */
} Account;

typedef enum { FAN, CONNECT, IDLE } Work;

typedef struct {
    Work work;
    const char *tls_ca, *tls_certificate, *tls_key, *tls_version; /* tls_ca NULL: plain TCP */
    bool resume, websocket;
    const char *host, *port, *topic, *credentials;
    uint32_t publishers, subscribers, qos, size, window, inflight, batch, parallel, count, sources;
    double rate, seconds, warmup, drain, timeout;
    pid_t server_pids[MAX_SERVER_PIDS];
    uint32_t server_pid_count;
    Account *accounts; /* connection i logs in with accounts[i mod account_count] */
    uint32_t account_count;
} Options;

extern Options options;

/* Fills `options`; ends the program on anything it doesn't understand. */
void options_read(int count, char **arguments);
