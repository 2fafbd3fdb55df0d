"""mosquitto with a password file and an ACL file, as anybody would run it who lets devices in by key."""

import os
import pwd
import uuid

from .process import Program, free_ports, run_to_end, wait_for_port
from .target import MQTTTarget

CONFIGURATION = """\
listener {port} 127.0.0.1
allow_anonymous false
password_file {folder}/passwords
acl_file {folder}/acl
persistence false
log_dest stderr
log_type error
set_tcp_nodelay {nodelay}
user {user}
"""


def start(folder, connections, nodelay, keep):
    """Starts it with one account a connection; `keep` takes the program to end it later."""
    os.makedirs(folder)
    topic = f"channels/{uuid.uuid4()}/messages"
    accounts = [(str(uuid.uuid4()), str(uuid.uuid4())) for _ in range(connections)]
    [port] = free_ports(1)
    write_files(folder, accounts, topic, port, nodelay)
    name = "mosquitto, nodelay" if nodelay else "mosquitto, Nagle"
    program = keep(Program(name, ["mosquitto", "-c", f"{folder}/mosquitto.conf"], f"{folder}/log"))
    wait_for_port(program, port)
    return MQTTTarget(name, program, port, topic, f"{folder}/accounts")


def write_files(folder, accounts, topic, port, nodelay):
    write(f"{folder}/accounts", "".join(f"{user} {password}\n" for user, password in accounts))
    write(f"{folder}/passwords", "".join(f"{user}:{password}\n" for user, password in accounts))
    write(f"{folder}/acl", "".join(f"user {user}\ntopic readwrite {topic}\n" for user, _ in accounts))
    run_to_end(["mosquitto_passwd", "-U", f"{folder}/passwords"], 30)
    # Started by root it would change to a user who can't read the private folder.
    user = pwd.getpwuid(os.getuid()).pw_name
    configuration = CONFIGURATION.format(port=port, folder=folder, nodelay=str(nodelay).lower(), user=user)
    write(f"{folder}/mosquitto.conf", configuration)


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, 0o600)
