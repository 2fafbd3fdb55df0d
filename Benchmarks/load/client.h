/* One MQTT session per connection: log in, subscribe, keep alive, and hand the messages on. */
#pragma once

/* Opens every connection, publishers first, and returns when each is logged in and subscribed. */
void clients_open(void);

/* Pings every half keep-alive time. */
void clients_keep_alive(void);
void clients_close(void);
