/* Non-blocking connections on one epoll, TCP or TLS: bytes out of a buffer each, and bytes in. */
#pragma once
#include "tls.h"
#include <stdbool.h>
#include <stdint.h>

typedef enum { CLOSED, CONNECTING, SHAKING_HANDS, OPEN } Phase;

typedef struct {
    uint32_t number;
    int fd;
    Phase phase;
    Tls *tls;                    /* NULL: plain TCP */
    bool blocked;                /* what is left of the output waits for the socket */
    uint8_t *out, *part;         /* unsent output is out[out_start, out_end); part: the start of a packet */
    uint32_t out_start, out_end, out_capacity, part_length, part_capacity;
} Connection;

/* What the program does with a connection. */
typedef struct {
    void (*opened)(Connection *);
    size_t (*take)(Connection *, const uint8_t *bytes, size_t length);   /* how many of them are done with */
    void (*written)(Connection *);   /* all of its output is with the kernel */
} ConnectionEvents;

/* The time at which the bytes being handled were read: the clock is read once per chunk, not per message. */
extern uint64_t network_time;

void network_start(ConnectionEvents events);

/* Connects, also once more after network_close(). It logs in with the account of this number. */
void network_connect(Connection *connection, uint32_t number);
void network_close(Connection *connection);

/* Waits at most so many nanoseconds for the sockets and handles what they have. What that adds to a connection's output is
   written at once, if its socket takes it. */
void network_poll(uint64_t timeout);

/* Makes room for this many bytes of output, which the caller fills in. */
uint8_t *network_room(Connection *connection, uint32_t bytes);

/* Writes the output, now or when the socket takes it. */
void network_flush(Connection *connection);
