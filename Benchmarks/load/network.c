#define _GNU_SOURCE
#include "network.h"
#include "options.h"
#include "support.h"
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <string.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CHUNK = 256 << 10 };

uint64_t network_time;

static struct {
    ConnectionEvents events;
    int epoll;
    struct sockaddr_storage server;
    socklen_t server_length;
    uint32_t connects;
    uint8_t *input;
    size_t input_capacity;
} network;

void network_start(ConnectionEvents events) {
    struct addrinfo hint = { .ai_socktype = SOCK_STREAM }, *found;
    int error = getaddrinfo(options.host, options.port, &hint, &found);
    if (error) fail(EXIT_USAGE, "%s port %s: %s", options.host, options.port, gai_strerror(error));
    memcpy(&network.server, found->ai_addr, network.server_length = found->ai_addrlen);
    freeaddrinfo(found);
    if ((network.epoll = epoll_create1(EPOLL_CLOEXEC)) < 0) fail(EXIT_MACHINE, "epoll: %s", strerror(errno));
    if (options.sources > 1 && network.server.ss_family != AF_INET) fail(EXIT_USAGE, "--sources is for IPv4");
    tls_prepare();
    network.events = events;
    network_time = clock_now();
}

/* Takes turns through 127.0.0.1, 127.0.0.2 …: each of them has all the ports. */
static void bind_source(int fd) {
    int yes = 1;
    struct sockaddr_in source = { .sin_family = AF_INET };
    source.sin_addr.s_addr = htonl(INADDR_LOOPBACK + network.connects++ % options.sources);
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof yes);   /* the port is chosen by connect() */
    if (bind(fd, (struct sockaddr *)&source, sizeof source)) fail(EXIT_MACHINE, "bind: %s", strerror(errno));
}

void network_connect(Connection *connection, uint32_t number) {
    int yes = 1;
    struct epoll_event wanted = { .events = EPOLLIN | EPOLLOUT, .data.ptr = connection };
    connection->number = number;
    connection->phase = CONNECTING;
    connection->out_start = connection->out_end = connection->part_length = 0;
    if (!connection->tls) connection->tls = tls_new(number % options.account_count);
    connection->fd = socket(network.server.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (connection->fd < 0) fail(EXIT_MACHINE, "socket: %s", strerror(errno));
    setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (options.sources > 1) bind_source(connection->fd);
    connection->blocked = true;
    if (connect(connection->fd, (struct sockaddr *)&network.server, network.server_length) && errno != EINPROGRESS)
        fail(EXIT_SERVER, "connect: %s", strerror(errno));
    if (epoll_ctl(network.epoll, EPOLL_CTL_ADD, connection->fd, &wanted))
        fail(EXIT_MACHINE, "epoll_ctl: %s", strerror(errno));
}

void network_close(Connection *connection) {
    if (connection->tls && connection->phase >= SHAKING_HANDS) tls_end(connection->tls);
    close(connection->fd);   /* epoll forgets it too */
    connection->phase = CLOSED;
}

static ssize_t put(Connection *connection, const void *bytes, size_t count) {
    return connection->tls ? tls_write(connection->tls, bytes, count)
                           : send(connection->fd, bytes, count, MSG_NOSIGNAL);
}

static ssize_t get(Connection *connection, void *bytes, size_t capacity) {
    return connection->tls ? tls_read(connection->tls, bytes, capacity) : recv(connection->fd, bytes, capacity, 0);
}

static const char *failure(const Connection *connection) {
    return connection->tls ? tls_failure(connection->tls) : strerror(errno);
}

static void set_blocked(Connection *connection, bool blocked) {
    if (connection->blocked == blocked) return;
    connection->blocked = blocked;
    struct epoll_event wanted = { .events = EPOLLIN | (blocked ? EPOLLOUT : 0u), .data.ptr = connection };
    epoll_ctl(network.epoll, EPOLL_CTL_MOD, connection->fd, &wanted);
}

uint8_t *network_room(Connection *connection, uint32_t bytes) {
    uint32_t unsent = connection->out_end - connection->out_start;
    if (connection->out_end + bytes > connection->out_capacity && connection->out_start) {
        memmove(connection->out, connection->out + connection->out_start, unsent);
        connection->out_start = 0;
        connection->out_end = unsent;
    }
    if (connection->out_end + bytes > connection->out_capacity) {
        connection->out_capacity = 2 * (connection->out_end + bytes);
        connection->out = resized(connection->out, connection->out_capacity);
    }
    connection->out_end += bytes;
    return connection->out + connection->out_end - bytes;
}

void network_flush(Connection *connection) {
    while (connection->out_start < connection->out_end) {
        uint32_t unsent = connection->out_end - connection->out_start;
        ssize_t written = put(connection, connection->out + connection->out_start, unsent);
        if (written < 0 && (errno == EAGAIN || errno == EINTR)) {
            set_blocked(connection, true);
            return;
        }
        if (written <= 0) fail(EXIT_SERVER, "connection %u: write: %s", connection->number, failure(connection));
        connection->out_start += (uint32_t)written;
    }
    connection->out_start = connection->out_end = 0;
    set_blocked(connection, false);
    network.events.written(connection);
}

static void keep_part(Connection *connection, const uint8_t *bytes, size_t length) {
    if (length > connection->part_capacity) {
        connection->part_capacity = (uint32_t)length + (length > 4096 ? CHUNK : 64);
        connection->part = resized(connection->part, connection->part_capacity);
    }
    if (length) memcpy(connection->part, bytes, length);
    connection->part_length = (uint32_t)length;
}

/* False when there is nothing more to read, or nowhere to read it from. */
static bool read_chunk(Connection *connection) {
    size_t have = connection->part_length;
    if (have + CHUNK > network.input_capacity)
        network.input = resized(network.input, network.input_capacity = have + CHUNK);
    if (have) memcpy(network.input, connection->part, have);
    ssize_t count = get(connection, network.input + have, CHUNK);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return false;
    if (!count) fail(EXIT_SERVER, "connection %u: closed by the server", connection->number);
    if (count < 0) fail(EXIT_SERVER, "connection %u: %s", connection->number, failure(connection));
    network_time = clock_now();
    size_t length = have + (size_t)count, done = network.events.take(connection, network.input, length);
    keep_part(connection, network.input + done, length - done);
    if (connection->phase == OPEN && connection->out_end && !connection->blocked) network_flush(connection);
    return connection->phase == OPEN;
}

static void read_input(Connection *connection) {
    while (read_chunk(connection) && connection->tls) {}   /* epoll can't see what TLS has in its own buffer */
}

static void now_open(Connection *connection) {
    connection->phase = OPEN;
    network.events.opened(connection);
}

static void shake_hands(Connection *connection) {
    switch (tls_step(connection->tls)) {
    case TLS_DONE: now_open(connection); return;
    case TLS_WANTS_INPUT: set_blocked(connection, false); return;
    case TLS_WANTS_OUTPUT: set_blocked(connection, true); return;
    case TLS_FAILED: fail(EXIT_SERVER, "connection %u: TLS: %s", connection->number, tls_failure(connection->tls));
    }
}

static void finish_connect(Connection *connection) {
    int error = 0;
    socklen_t length = sizeof error;
    getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &error, &length);
    if (error) fail(EXIT_SERVER, "connection %u: connect: %s", connection->number, strerror(error));
    if (!connection->tls) {
        now_open(connection);
        return;
    }
    connection->phase = SHAKING_HANDS;
    tls_begin(connection->tls, connection->fd);
    shake_hands(connection);
}

static void handle(Connection *connection, uint32_t events) {
    switch (connection->phase) {
    case CLOSED: return;
    case CONNECTING: finish_connect(connection); return;
    case SHAKING_HANDS: shake_hands(connection); return;
    case OPEN: break;
    }
    if (events & EPOLLOUT) network_flush(connection);
    if (events & (EPOLLIN | EPOLLERR | EPOLLHUP)) read_input(connection);
}

void network_poll(uint64_t timeout) {
    struct epoll_event ready[512];
    struct timespec time = { (time_t)(timeout / SECOND), (long)(timeout % SECOND) };
    int count = epoll_pwait2(network.epoll, ready, 512, &time, NULL);
    network_time = clock_now();
    for (int i = 0; i < count; i++) handle(ready[i].data.ptr, ready[i].events);
}
