#define _GNU_SOURCE
#include "options.h"
#include "support.h"
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Options options = {
    .host = "127.0.0.1", .port = "1883", .topic = "mqttload", .publishers = 1, .subscribers = 1, .size = 128,
    .window = 256, .inflight = 20, .batch = 256, .parallel = 64, .sources = 1, .seconds = 5, .warmup = 1, .drain = 3,
    .timeout = 10, .tls_version = "1.3",
};

static const char usage[] =
    "usage: mqttload [fan|connect|idle] [options]      MQTT 3.1.1, or WebSocket; prints one JSON object\n"
    "  fan      P publishers and S subscribers on one topic, as fast as the windows allow, or at a rate\n"
    "  connect  connect, log in and disconnect, as fast as that goes\n"
    "  idle     P connections log in and S others subscribe too: the memory that they take in the server\n"
    "all\n"
    "  --host H (127.0.0.1)  --port N (1883)  --topic T (mqttload)\n"
    "  --creds FILE          lines 'user password [certificate-file key-file]'; connection i (publishers first) uses\n"
    "                        line i mod lines\n"
    "  --seconds S (5)       measured time, with idle: how long the connections are held\n"
    "  --warmup S (1)        unmeasured time before it\n"
    "  --timeout S (10)      for opening all the connections; with connect: for the next one that is done\n"
    "  --sources N (1)       connect from 127.0.0.1 to 127.0.0.N in turns\n"
    "  --server-pid PID[,PID...]   report the CPU seconds of these processes, with idle: their memory\n"
    "fan, idle\n"
    "  --publishers P (1)    --subscribers S (1)\n"
    "fan\n"
    "  --size BYTES (128)    payload, 16 or more: it carries a time, a publisher and a number\n"
    "  --window W (256)      messages of one publisher under way to the subscribers at once\n"
    "  --batch N (256)       most messages that one publisher sends in one write\n"
    "  --websocket           not MQTT: the topic is the path, the password the query's 'authorization'\n"
    "  --qos Q (0)           of the messages and of the subscriptions\n"
    "  --inflight N (20)     with QoS 1 and 2: unacknowledged messages of one publisher\n"
    "  --rate R (0)          messages a second of all publishers together; a latency then begins when its message was\n"
    "                        due, 0: as many as the windows allow\n"
    "  --drain S (3)         stop waiting for missing messages when nothing has come for this long\n"
    "connect\n"
    "  --parallel N (64)     connections at once  --count N (0: as many as --seconds allow)\n"
    "  --resume              each goes on with the TLS session of the one before; the first ones are not measured\n"
    "TLS\n"
    "  --tls-ca FILE         TLS, and the server's certificate must be good by this CA\n"
    "  --tls-cert FILE  --tls-key FILE   the client's certificate, unless --creds has one; the server must ask for it\n"
    "  --tls-version 1.2|1.3 (1.3)\n"
    "Exit: 0 measured, 1 trouble on this machine, 2 usage, 3 the server refused or lost a connection.\n";

static double number(const char *name, const char *text) {
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end || !(value >= 0) || value > 1e9) fail(EXIT_USAGE, "--%s: not a number: %s", name, text);
    return value;
}

static void read_pids(char *list) {
    for (char *text = strtok(list, ","); text; text = strtok(NULL, ",")) {
        if (options.server_pid_count == MAX_SERVER_PIDS) fail(EXIT_USAGE, "too many --server-pid");
        options.server_pids[options.server_pid_count++] = (pid_t)number("server-pid", text);
    }
}

/* One line; the certificate is that of the command line unless the line names another. */
static Account read_account(const char *line) {
    char words[4][1024];
    int count = sscanf(line, "%1023s %1023s %1023s %1023s", words[0], words[1], words[2], words[3]);
    if (count != 2 && count != 4)
        fail(EXIT_USAGE, "%s: a line is 'user password [certificate-file key-file]'", options.credentials);
    const bool own = count == 4;
    return (Account){ strdup(words[0]), strdup(words[1]), own ? strdup(words[2]) : options.tls_certificate,
                      own ? strdup(words[3]) : options.tls_key };
}

static void read_accounts(void) {
    char line[4096];
    uint32_t capacity = 0;
    FILE *file = fopen(options.credentials, "r");
    if (!file) fail(EXIT_USAGE, "cannot open %s: %s", options.credentials, strerror(errno));
    while (fgets(line, sizeof line, file)) {
        if (options.account_count == capacity) {
            capacity = capacity ? 2 * capacity : 16;
            options.accounts = resized(options.accounts, capacity * sizeof *options.accounts);
        }
        options.accounts[options.account_count++] = read_account(line);
    }
    fclose(file);
    if (!options.account_count) fail(EXIT_USAGE, "%s: no accounts", options.credentials);
}

static void set_account(void) {
    options.accounts = zeroed(1, sizeof(Account));
    options.accounts[0] = (Account){ .certificate = options.tls_certificate, .key = options.tls_key };
    options.account_count = 1;
}

static void check_tls(void) {
    if (!options.tls_certificate != !options.tls_key) fail(EXIT_USAGE, "--tls-cert and --tls-key go together");
    if ((options.tls_certificate || options.resume) && !options.tls_ca)
        fail(EXIT_USAGE, "--tls-cert and --resume need --tls-ca");
    if (strcmp(options.tls_version, "1.2") && strcmp(options.tls_version, "1.3"))
        fail(EXIT_USAGE, "--tls-version is 1.2 or 1.3");
    if (options.resume && options.work != CONNECT) fail(EXIT_USAGE, "--resume belongs to connect");
}

static void check(void) {
    if (options.work == FAN && (!options.publishers || !options.subscribers || !options.window || !options.batch))
        fail(EXIT_USAGE, "--publishers, --subscribers, --window and --batch are at least 1");
    if (options.websocket && (options.work != FAN || options.qos || !options.credentials))
        fail(EXIT_USAGE, "--websocket is for fan, without --qos and with --creds");
    if (options.qos > 2) fail(EXIT_USAGE, "--qos is 0, 1 or 2");
    if (!options.inflight || options.inflight > 32767) fail(EXIT_USAGE, "--inflight is between 1 and 32767");
    if (!(options.publishers + options.subscribers)) fail(EXIT_USAGE, "no publishers and no subscribers");
    if (!options.parallel) fail(EXIT_USAGE, "--parallel is at least 1");
    if (!options.sources || options.sources > 254) fail(EXIT_USAGE, "--sources is between 1 and 254");
    if (options.size < STAMP_BYTES || options.size > 1 << 20) fail(EXIT_USAGE, "--size is between 16 and 1048576");
    if (options.seconds <= 0) fail(EXIT_USAGE, "--seconds is more than 0");
    if (strlen(options.topic) > 1000) fail(EXIT_USAGE, "--topic is at most 1000 bytes");
    check_tls();
    if (options.credentials) read_accounts();
    else set_account();
}

static Work work(const char *name) {
    static const char *const names[] = { [FAN] = "fan", [CONNECT] = "connect", [IDLE] = "idle" };
    for (int i = 0; i <= IDLE; i++)
        if (!strcmp(name, names[i])) return (Work)i;
    fail(EXIT_USAGE, "unknown work %s", name);
}

void options_read(int count, char **arguments) {
    enum Kind { TEXT, COUNT, REAL, PIDS, FLAG, HELP };
    static const struct { const char *name; enum Kind kind; void *value; } known[] = {
        { "host", TEXT, &options.host }, { "port", TEXT, &options.port }, { "topic", TEXT, &options.topic },
        { "creds", TEXT, &options.credentials }, { "publishers", COUNT, &options.publishers },
        { "subscribers", COUNT, &options.subscribers }, { "size", COUNT, &options.size },
        { "window", COUNT, &options.window }, { "batch", COUNT, &options.batch },
        { "qos", COUNT, &options.qos }, { "inflight", COUNT, &options.inflight }, { "rate", REAL, &options.rate },
        { "seconds", REAL, &options.seconds }, { "warmup", REAL, &options.warmup },
        { "drain", REAL, &options.drain }, { "timeout", REAL, &options.timeout }, { "server-pid", PIDS, NULL },
        { "parallel", COUNT, &options.parallel }, { "count", COUNT, &options.count },
        { "sources", COUNT, &options.sources }, { "tls-ca", TEXT, &options.tls_ca },
        { "tls-cert", TEXT, &options.tls_certificate }, { "tls-key", TEXT, &options.tls_key },
        { "tls-version", TEXT, &options.tls_version }, { "resume", FLAG, &options.resume }, { "websocket", FLAG, &options.websocket }, { "help", HELP, NULL },
    };
    enum { KNOWN = sizeof known / sizeof known[0] };
    struct option names[KNOWN + 1] = { 0 };
    for (int i = 0; i < KNOWN; i++) names[i] = (struct option){ known[i].name, known[i].kind < FLAG, NULL, 256 + i };
    for (int code; (code = getopt_long(count, arguments, "", names, NULL)) != -1;) {
        if (code < 256) fail(EXIT_USAGE, "try --help");
        const int i = code - 256;
        switch (known[i].kind) {
        case TEXT: *(const char **)known[i].value = optarg; break;
        case COUNT: *(uint32_t *)known[i].value = (uint32_t)number(known[i].name, optarg); break;
        case REAL: *(double *)known[i].value = number(known[i].name, optarg); break;
        case PIDS: read_pids(optarg); break;
        case FLAG: *(bool *)known[i].value = true; break;
        case HELP: fputs(usage, stdout); exit(0);
        }
    }
    if (optind < count) options.work = work(arguments[optind++]);
    if (optind < count) fail(EXIT_USAGE, "unexpected argument %s", arguments[optind]);
    check();
}
