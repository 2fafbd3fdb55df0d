#include "tls.h"
#include "options.h"
#include "support.h"
#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <string.h>

enum { READ_BUFFER = 64 << 10 };

typedef struct {
    X509 *certificate;   /* NULL: none */
    EVP_PKEY *key;
    STACK_OF(X509) *chain;
} Identity;

struct Tls {
    SSL *ssl;
    SSL_SESSION *session;
    const Identity *identity;
    bool asked;   /* the server has asked for the certificate */
};

TlsHandshakes tls_handshakes;
const char *tls_version = "", *tls_cipher = "", *tls_group = "";

static SSL_CTX *context;
static Identity *identities;   /* one an account */

static FILE *opened(const char *path) {
    FILE *file = fopen(path, "r");
    if (!file) fail(EXIT_USAGE, "cannot open %s: %s", path, strerror(errno));
    return file;
}

static Identity read_identity(const char *certificate_path, const char *key_path) {
    Identity identity = { .chain = sk_X509_new_null() };
    FILE *file = opened(certificate_path);
    if (!(identity.certificate = PEM_read_X509(file, NULL, NULL, NULL)))
        fail(EXIT_USAGE, "no certificate in %s", certificate_path);
    for (X509 *issuer; (issuer = PEM_read_X509(file, NULL, NULL, NULL));) sk_X509_push(identity.chain, issuer);
    fclose(file);
    file = opened(key_path);
    if (!(identity.key = PEM_read_PrivateKey(file, NULL, NULL, NULL))) fail(EXIT_USAGE, "no key in %s", key_path);
    fclose(file);
    if (X509_check_private_key(identity.certificate, identity.key) != 1)
        fail(EXIT_USAGE, "%s is not the key of %s", key_path, certificate_path);
    ERR_clear_error();
    return identity;
}

static void read_identities(void) {
    identities = zeroed(options.account_count, sizeof *identities);
    for (uint32_t i = 0; i < options.account_count; i++) {
        const Account *account = &options.accounts[i];
        if (account->certificate) identities[i] = read_identity(account->certificate, account->key);
    }
}

/* Called when the server asks; a server that never does is no peer for mutual TLS. */
static int show_certificate(SSL *ssl, void *unused) {
    (void)unused;
    Tls *tls = SSL_get_app_data(ssl);
    const Identity *identity = tls->identity;
    tls->asked = true;
    return !identity->certificate
        || SSL_use_cert_and_key(ssl, identity->certificate, identity->key, identity->chain, 1) == 1;
}

/* Every connection of a run is to the same server: what was found good once needn't be judged again. */
static int judge(X509_STORE_CTX *store, void *unused) {
    (void)unused;
    static X509 *good;
    X509 *shown = X509_STORE_CTX_get0_cert(store);
    if (good && !X509_cmp(shown, good)) return 1;
    if (X509_verify_cert(store) != 1) return 0;
    X509_free(good);
    X509_up_ref(good = shown);
    return 1;
}

static int keep_session(SSL *ssl, SSL_SESSION *session) {
    Tls *tls = SSL_get_app_data(ssl);
    SSL_SESSION_free(tls->session);
    tls->session = session;
    return 1;
}

static void require(long result, const char *what) {
    if (result != 1) fail(EXIT_MACHINE, "TLS: %s: %s", what, ERR_reason_error_string(ERR_peek_last_error()));
}

static void set_suites(void) {
    int version = strcmp(options.tls_version, "1.2") ? TLS1_3_VERSION : TLS1_2_VERSION;
    require(SSL_CTX_set_min_proto_version(context, version), "version");
    require(SSL_CTX_set_max_proto_version(context, version), "version");
    require(SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256"), "cipher suite");
    require(SSL_CTX_set_cipher_list(context, "ECDHE+AES128+AESGCM"), "cipher suite");
    require(SSL_CTX_set1_groups_list(context, "X25519:P-256"), "key exchange");
}

void tls_prepare(void) {
    if (!options.tls_ca) return;
    signal(SIGPIPE, SIG_IGN);   /* OpenSSL writes without MSG_NOSIGNAL */
    if (!(context = SSL_CTX_new(TLS_client_method()))) fail(EXIT_MACHINE, "TLS: no context");
    if (SSL_CTX_load_verify_locations(context, options.tls_ca, NULL) != 1)
        fail(EXIT_USAGE, "cannot read %s", options.tls_ca);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_cert_verify_callback(context, judge, NULL);
    set_suites();
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(context, 1);   /* many records in one read() */
    SSL_CTX_set_default_read_buffer_len(context, READ_BUFFER);
    SSL_CTX_set_cert_cb(context, show_certificate, NULL);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    if (options.resume) {
        SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_sess_set_new_cb(context, keep_session);
    }
    read_identities();
}

Tls *tls_new(uint32_t account) {
    if (!context) return NULL;
    Tls *tls = zeroed(1, sizeof *tls);
    tls->identity = &identities[account];
    return tls;
}

static void expect_host(SSL *ssl) {
    struct in6_addr address;
    if (inet_pton(AF_INET, options.host, &address) == 1 || inet_pton(AF_INET6, options.host, &address) == 1) {
        require(X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), options.host), "address");
        return;
    }
    require(SSL_set_tlsext_host_name(ssl, options.host), "host name");
    require(SSL_set1_host(ssl, options.host), "host name");
}

void tls_begin(Tls *tls, int fd) {
    if (!(tls->ssl = SSL_new(context))) fail(EXIT_MACHINE, "TLS: out of memory");
    tls->asked = false;
    SSL_set_app_data(tls->ssl, tls);
    require(SSL_set_fd(tls->ssl, fd), "socket");
    expect_host(tls->ssl);
    if (tls->session) require(SSL_set_session(tls->ssl, tls->session), "session");
}

static void finished(Tls *tls) {
    bool resumed = SSL_session_reused(tls->ssl);
    if (tls->identity->certificate && !tls->asked && !resumed)
        fail(EXIT_SERVER, "TLS: the server did not ask for a certificate");
    *(resumed ? &tls_handshakes.resumed : &tls_handshakes.full) += 1;
    tls_version = SSL_get_version(tls->ssl);
    tls_cipher = SSL_get_cipher_name(tls->ssl);
    if (!resumed || !*tls_group) tls_group = SSL_group_to_name(tls->ssl, (int)SSL_get_negotiated_group(tls->ssl));
}

TlsStep tls_step(Tls *tls) {
    ERR_clear_error();
    errno = 0;
    int result = SSL_connect(tls->ssl);
    if (result == 1) {
        finished(tls);
        return TLS_DONE;
    }
    switch (SSL_get_error(tls->ssl, result)) {
    case SSL_ERROR_WANT_READ: return TLS_WANTS_INPUT;
    case SSL_ERROR_WANT_WRITE: return TLS_WANTS_OUTPUT;
    default: return TLS_FAILED;
    }
}

static ssize_t outcome(Tls *tls, int result) {
    switch (SSL_get_error(tls->ssl, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE: errno = EAGAIN; return -1;
    case SSL_ERROR_ZERO_RETURN: return 0;
    default: errno = EPROTO; return -1;
    }
}

/* A server that closes may have said why, which is then still there to be read. */
static ssize_t read_alert(Tls *tls) {
    uint8_t byte;
    SSL_read(tls->ssl, &byte, 1);
    errno = EPROTO;
    return -1;
}

ssize_t tls_write(Tls *tls, const void *bytes, size_t count) {
    ERR_clear_error();
    int result = SSL_write(tls->ssl, bytes, (int)count);
    if (result <= 0 && SSL_get_error(tls->ssl, result) == SSL_ERROR_SYSCALL) return read_alert(tls);
    return result > 0 ? result : outcome(tls, result);
}

/* SSL_read() gives one record at most: several make a chunk as large as one of recv(). */
ssize_t tls_read(Tls *tls, void *bytes, size_t capacity) {
    size_t count = 0;
    int result = 0;
    ERR_clear_error();
    while (count < capacity && (result = SSL_read(tls->ssl, (uint8_t *)bytes + count, (int)(capacity - count))) > 0)
        count += (size_t)result;
    return count ? (ssize_t)count : outcome(tls, result);
}

const char *tls_failure(Tls *tls) {
    long verdict = SSL_get_verify_result(tls->ssl);
    unsigned long error = ERR_peek_last_error();
    if (verdict != X509_V_OK) return X509_verify_cert_error_string(verdict);
    if (error && ERR_reason_error_string(error)) return ERR_reason_error_string(error);
    return "closed by the server";
}

void tls_end(Tls *tls) {
    SSL_shutdown(tls->ssl);   /* without it OpenSSL takes the session for one that went wrong */
    SSL_free(tls->ssl);
    ERR_clear_error();
    tls->ssl = NULL;
}

bool tls_has_session(const Tls *tls) { return tls && tls->session; }

bool tls_resumed(const Tls *tls) { return tls && SSL_session_reused(tls->ssl); }
