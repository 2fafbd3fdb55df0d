"""nginx that answers every request with a static 202: what HTTP on this machine costs without any work behind it."""

import os

from .process import Program, free_ports, wait_for_port
from .target import HTTPTarget

CONFIGURATION = """\
daemon off;
worker_processes {workers};
pid {folder}/pid;
error_log stderr error;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} reuseport;
        location / {{ return 202; }}
    }}
}}
"""


def start(folder, workers, keep):
    """Starts it with so many workers, each with its own accept queue."""
    os.makedirs(folder)
    [port] = free_ports(1)
    with open(f"{folder}/nginx.conf", "w", encoding="utf-8") as file:
        file.write(CONFIGURATION.format(folder=folder, port=port, workers=workers))
    name = f"nginx, {workers} worker{'s' if workers > 1 else ''}"
    command = ["nginx", "-p", folder, "-c", f"{folder}/nginx.conf", "-e", "stderr"]
    program = keep(Program(name, command, f"{folder}/log"))
    wait_for_port(program, port)
    return HTTPTarget(name, program, f"http://127.0.0.1:{port}/channels/none/messages", {})
