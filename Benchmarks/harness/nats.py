"""nats-server's own MQTT: what is acknowledged is in a JetStream stream on disk."""

import os
import uuid

from .process import Program, free_ports, wait_for_port
from .target import MQTTTarget, write_accounts, write_private

CONFIGURATION = """\
server_name: bench
listen: 127.0.0.1:{port}
jetstream {{ store_dir: "{folder}/store" }}
mqtt {{ listen: "127.0.0.1:{mqtt}" }}
authorization {{
  users: [
{users}
  ]
}}
"""
# With QoS 1 its subscribers have subjects of their own beside.
USER = """\
    {{
      user: "{user}", password: "{password}"
      permissions: {{ publish: ["{subject}"], subscribe: ["{subject}", "$MQTT.sub.>"] }}
    }}"""


def start(folder, connections, keep):
    os.makedirs(folder)
    channel = uuid.uuid4()
    accounts = [(str(uuid.uuid4()), str(uuid.uuid4())) for _ in range(connections)]
    port, mqtt = free_ports(2)
    subject = f"channels.{channel}.messages"
    users = "\n".join(USER.format(user=user, password=password, subject=subject) for user, password in accounts)
    write_private(f"{folder}/nats.conf", CONFIGURATION.format(folder=folder, port=port, mqtt=mqtt, users=users))
    write_accounts(f"{folder}/accounts", accounts)
    program = keep(Program("nats-server", ["nats-server", "-c", f"{folder}/nats.conf"], f"{folder}/log"))
    wait_for_port(program, mqtt)
    return MQTTTarget("nats-server", program, mqtt, f"channels/{channel}/messages", f"{folder}/accounts")
