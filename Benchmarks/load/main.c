/*
 * MQTT load program: it shares the machine with the server that it measures, so a message costs it little. Packets
 * are stamped out of one header, a publisher's batch goes out in one write, a subscriber is read in large chunks,
 * nothing is allocated per message. A lost or refused connection ends it: that is no measurement. Lost messages are
 * counted and reported.
 */
#include "client.h"
#include "connect.h"
#include "idle.h"
#include "options.h"
#include "report.h"
#include "run.h"
#include "support.h"
#include <stdio.h>
#include <sys/prctl.h>

static void fan(void) {
    clients_open();
    report_fan(run());
    clients_close();
}

static void idle(void) {
    report_idle(idle_run());
    clients_close();
}

int main(int count, char **arguments) {
    options_read(count, arguments);
    prctl(PR_SET_TIMERSLACK, 1);   /* what is paced begins when it is due, and not up to 50 µs later */
    switch (options.work) {
    case FAN: fan(); break;
    case CONNECT: report_connect(connect_run()); break;
    case IDLE: idle(); break;
    }
    return fflush(stdout) ? EXIT_MACHINE : 0;
}
