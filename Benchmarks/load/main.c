/*
 * MQTT load program: it shares the machine with the server that it measures, so a message costs it little. Packets
 * are stamped out of one header, a publisher's batch goes out in one write, a subscriber is read in large chunks,
 * nothing is allocated per message. A lost or refused connection ends it: that is no measurement. Lost messages are
 * counted and reported.
 */
#include "client.h"
#include "options.h"
#include "report.h"
#include "run.h"
#include "support.h"
#include <stdio.h>

int main(int count, char **arguments) {
    options_read(count, arguments);
    clients_open();
    Measurement measurement = run();
    report(measurement);
    clients_close();
    return fflush(stdout) ? EXIT_MACHINE : 0;
}
