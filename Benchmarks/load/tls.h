/*
 * The client's end of TLS over a connected socket that doesn't block. The cipher suite and the key exchange are fixed
 * (AES-128-GCM, X25519), so that every server that is compared does the same arithmetic.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* One place for connections that follow one another: it keeps the session that the last of them was given. */
typedef struct Tls Tls;

typedef enum { TLS_DONE, TLS_WANTS_INPUT, TLS_WANTS_OUTPUT, TLS_FAILED } TlsStep;

/* Handshakes that were finished. */
typedef struct {
    uint64_t full, resumed;
} TlsHandshakes;

extern TlsHandshakes tls_handshakes;

/* What the last handshake agreed upon. */
extern const char *tls_version, *tls_cipher, *tls_group;

/* Reads the CA and the certificates; without --tls-ca there is no TLS and every tls_new() is NULL. */
void tls_prepare(void);
Tls *tls_new(uint32_t account);

void tls_begin(Tls *tls, int fd);
TlsStep tls_step(Tls *tls);

/* As send() and recv(); what isn't a matter of waiting is EPROTO, and tls_failure() says what it was. */
ssize_t tls_write(Tls *tls, const void *bytes, size_t count);
ssize_t tls_read(Tls *tls, void *bytes, size_t capacity);
const char *tls_failure(Tls *tls);

/* Says goodbye; the session stays for the next connection of this place. */
void tls_end(Tls *tls);
bool tls_has_session(const Tls *tls);

/* This connection's handshake went on with an older session. */
bool tls_resumed(const Tls *tls);
