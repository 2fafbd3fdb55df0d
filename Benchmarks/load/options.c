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
    .window = 256, .batch = 256, .seconds = 5, .warmup = 1, .drain = 3, .timeout = 10,
};

static const char usage[] =
    "usage: mqttload [options]\n"
    "MQTT 3.1.1, QoS 0, plain TCP: P publishers and S subscribers on one topic, as fast as the windows allow.\n"
    "Prints one JSON object.\n"
    "  --host H (127.0.0.1)  --port N (1883)  --topic T (mqttload)\n"
    "  --creds FILE          lines 'user password'; connection i (publishers first) uses line i mod lines\n"
    "  --publishers P (1)    --subscribers S (1)\n"
    "  --size BYTES (128)    payload, 16 or more: it carries a time, a publisher and a number\n"
    "  --window W (256)      messages of one publisher under way to the subscribers at once\n"
    "  --batch N (256)       most messages that one publisher sends in one write\n"
    "  --seconds S (5)       measured time  --warmup S (1)  unmeasured time before it\n"
    "  --drain S (3)         stop waiting for missing messages when nothing has come for this long\n"
    "  --timeout S (10)      for opening all the connections\n"
    "  --server-pid PID[,PID...]   report the CPU seconds of these processes\n"
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

static void read_accounts(void) {
    char line[2048], user[1024], password[1024];
    uint32_t capacity = 0;
    FILE *file = fopen(options.credentials, "r");
    if (!file) fail(EXIT_USAGE, "cannot open %s: %s", options.credentials, strerror(errno));
    while (fgets(line, sizeof line, file)) {
        if (sscanf(line, "%1023s %1023s", user, password) != 2)
            fail(EXIT_USAGE, "%s: a line is 'user password'", options.credentials);
        if (options.account_count == capacity) {
            capacity = capacity ? 2 * capacity : 16;
            options.accounts = resized(options.accounts, capacity * sizeof *options.accounts);
        }
        options.accounts[options.account_count++] = (Account){ strdup(user), strdup(password) };
    }
    fclose(file);
    if (!options.account_count) fail(EXIT_USAGE, "%s: no accounts", options.credentials);
}

static void check(void) {
    if (!options.publishers || !options.subscribers || !options.window || !options.batch)
        fail(EXIT_USAGE, "--publishers, --subscribers, --window and --batch are at least 1");
    if (options.size < STAMP_BYTES || options.size > 1 << 20) fail(EXIT_USAGE, "--size is between 16 and 1048576");
    if (options.seconds <= 0) fail(EXIT_USAGE, "--seconds is more than 0");
    if (strlen(options.topic) > 1000) fail(EXIT_USAGE, "--topic is at most 1000 bytes");
    if (options.credentials) read_accounts();
    else options.accounts = zeroed(1, sizeof(Account)), options.account_count = 1;
}

void options_read(int count, char **arguments) {
    static const struct { const char *name; enum { TEXT, COUNT, TIME, PIDS, HELP } kind; void *value; } known[] = {
        { "host", TEXT, &options.host }, { "port", TEXT, &options.port }, { "topic", TEXT, &options.topic },
        { "creds", TEXT, &options.credentials }, { "publishers", COUNT, &options.publishers },
        { "subscribers", COUNT, &options.subscribers }, { "size", COUNT, &options.size },
        { "window", COUNT, &options.window }, { "batch", COUNT, &options.batch },
        { "seconds", TIME, &options.seconds }, { "warmup", TIME, &options.warmup },
        { "drain", TIME, &options.drain }, { "timeout", TIME, &options.timeout }, { "server-pid", PIDS, NULL },
        { "help", HELP, NULL },
    };
    enum { KNOWN = sizeof known / sizeof known[0] };
    struct option names[KNOWN + 1] = { 0 };
    for (int i = 0; i < KNOWN; i++) names[i] = (struct option){ known[i].name, known[i].kind != HELP, NULL, 256 + i };
    for (int code; (code = getopt_long(count, arguments, "", names, NULL)) != -1;) {
        if (code < 256) fail(EXIT_USAGE, "try --help");
        const int i = code - 256;
        switch (known[i].kind) {
        case TEXT: *(const char **)known[i].value = optarg; break;
        case COUNT: *(uint32_t *)known[i].value = (uint32_t)number(known[i].name, optarg); break;
        case TIME: *(double *)known[i].value = number(known[i].name, optarg); break;
        case PIDS: read_pids(optarg); break;
        case HELP: fputs(usage, stdout); exit(0);
        }
    }
    if (optind != count) fail(EXIT_USAGE, "unexpected argument %s", arguments[optind]);
    check();
}
