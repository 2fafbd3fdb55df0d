"""mosquitto with an ACL file, as anybody would run it who lets devices in by key, or by certificate.

By key it looks into its password file. By certificate the CN is the user, and the password that comes with it is not
looked at: of its ways to use a certificate this costs it least.
"""

import os
import pwd
import uuid

from .process import Program, free_ports, run_to_end, wait_for_port
from .target import MQTTTarget, write_accounts, write_private

CONFIGURATION = """\
listener {port} 127.0.0.1
allow_anonymous false
acl_file {folder}/acl
persistence false
max_queued_messages 100000
log_dest stderr
log_type error
set_tcp_nodelay {nodelay}
user {user}
"""
BY_KEY = "password_file {folder}/passwords\n"
BY_CERTIFICATE = """\
cafile {certificates.ca}
certfile {certificates.server.certificate}
keyfile {certificates.server.key}
require_certificate true
use_identity_as_username true
"""


def start(folder, connections, nodelay, keep, certificates=None):
    """Starts it with one account a connection; `keep` takes the program to end it later."""
    os.makedirs(folder)
    topic = f"channels/{uuid.uuid4()}/messages"
    accounts = [(str(uuid.uuid4()), str(uuid.uuid4())) for _ in range(connections)]
    [port] = free_ports(1)
    name = "mosquitto, nodelay" if nodelay else "mosquitto, Nagle"
    write_files(folder, accounts, topic, {"port": port, "nodelay": str(nodelay).lower(), "certificates": certificates})
    if certificates:
        accounts = certificates.with_accounts(accounts, os.path.basename(folder), lambda user, password: user)
    write_accounts(f"{folder}/accounts", accounts)
    program = keep(Program(name, ["mosquitto", "-c", f"{folder}/mosquitto.conf"], f"{folder}/log"))
    wait_for_port(program, port)
    return MQTTTarget(name, program, port, topic, f"{folder}/accounts", certificates and certificates.tls)


def write_files(folder, accounts, topic, settings):
    # Started by root it would change to a user who can't read the private folder.
    user = pwd.getpwuid(os.getuid()).pw_name
    configuration = CONFIGURATION + (BY_CERTIFICATE if settings["certificates"] else BY_KEY)
    write_private(f"{folder}/mosquitto.conf", configuration.format(folder=folder, user=user, **settings))
    write_private(f"{folder}/acl", "".join(f"user {user}\ntopic readwrite {topic}\n" for user, _ in accounts))
    write_private(f"{folder}/passwords", "".join(f"{user}:{password}\n" for user, password in accounts))
    run_to_end(["mosquitto_passwd", "-U", f"{folder}/passwords"], 30)
