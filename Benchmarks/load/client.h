/* One MQTT session per connection: log in, subscribe, keep alive, and hand the messages on. */
#pragma once
#include "network.h"

/* Opens every connection, publishers first, and returns when each is logged in and subscribed. */
void clients_open(void);

/* Pings every half keep-alive time. */
void clients_keep_alive(void);
void clients_close(void);

/* Sends CONNECT with the account of the connection and a client identifier of this number. */
void client_log_in(Connection *connection, uint32_t identifier);

/* Ends the program unless this CONNACK lets the connection in. */
void client_check_connack(const Connection *connection, const uint8_t *body, uint32_t length);
