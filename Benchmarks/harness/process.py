"""Programs that the harness starts: found by pid, measured by pid, ended by pid."""

import contextlib
import os
import resource
import signal
import socket
import subprocess
import time

from .failure import BenchFailure

TICKS = os.sysconf("SC_CLK_TCK")


class Program:
    """A running server with the processes that it has started itself."""

    def __init__(self, name, command, log_path, environment=None):
        self.name = name
        self.command, self.log_path, self.environment = command, log_path, environment
        self.child = self.start()

    def start(self):
        with open(self.log_path, "ab") as log:
            streams = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log}
            try:
                return subprocess.Popen(self.command, env=self.environment, start_new_session=True, **streams)
            except OSError as error:
                raise BenchFailure(f"can't start {self.name}: {error}") from error

    def restart(self):
        """Ends it and starts it anew: what it takes then isn't hidden by what it had before."""
        self.stop()
        self.child = self.start()

    @property
    def pids(self):
        return [self.child.pid, *descendants(self.child.pid)]

    def cpu_seconds(self):
        return sum(cpu_seconds(pid) for pid in self.pids)

    def check_running(self):
        if self.child.poll() is not None:
            raise BenchFailure(f"{self.name} has ended with {self.child.returncode}: {self.last_words()}")

    def last_words(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return log.read()[-2000:].strip() or "it said nothing"

    def stop(self, patience=15):
        """Asks it to end, waits, and then ends whatever of it is left."""
        pids = self.pids
        with contextlib.suppress(ProcessLookupError):
            self.child.terminate()
        try:
            self.child.wait(patience)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait(patience)
        end_leftovers(self.child.pid, pids[1:], patience)


class Group:
    """Several programs that somebody else starts and ends, as one: what they take is added up."""

    def __init__(self, processes):
        self.processes = processes  # subprocess.Popen

    @property
    def pids(self):
        return [process.pid for process in self.processes]

    def cpu_seconds(self):
        return sum(cpu_seconds(pid) for pid in self.pids)

    def check_running(self):
        for process in self.processes:
            if process.poll() is not None:
                raise BenchFailure(f"{process.args} has ended with {process.returncode}")


def end_leftovers(group, pids, patience):
    """Kills those that are still what the program started, and waits until they are gone."""
    end = time.monotonic() + patience
    while left := [pid for pid in pids if is_running_in(group, pid)]:
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if time.monotonic() > end:
            raise BenchFailure(f"processes {left} don't end")
        time.sleep(0.01)


def is_running_in(group, pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            state, _, found = file.read().rpartition(")")[2].split()[:3]
    except OSError:
        return False
    return state not in "ZX" and int(found) == group


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            return [int(child) for child in file.read().split()]
    except OSError:
        return []


def descendants(pid):
    found = children(pid)
    for child in found:  # grows while it is walked
        found.extend(children(child))
    return found


def cpu_seconds(pid):
    """User and system time of all threads of a process."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return parse_cpu_seconds(file.read())
    except OSError as error:
        raise BenchFailure(f"process {pid} is gone: {error}") from error


def parse_cpu_seconds(stat):
    fields = stat.rpartition(")")[2].split()  # the name in brackets may hold anything
    return (int(fields[11]) + int(fields[12])) / TICKS


def allow_files(count):
    """Lets this process and those that it starts have so many files open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= count:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, max(count, hard)))
    except (OSError, ValueError) as error:
        raise BenchFailure(f"{count} open files are needed, and {hard} allowed: raise `ulimit -n`") from error


def free_ports(count):
    """Different loopback ports that nobody listens on."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for opened in sockets:
            opened.bind(("127.0.0.1", 0))
        return [opened.getsockname()[1] for opened in sockets]


def wait_for_port(program, port, patience=10):
    wait_until(program, lambda: accepts(port), f"does not listen on port {port}", patience)


def wait_until(program, condition, complaint, patience):
    end = time.monotonic() + patience
    while not condition():
        program.check_running()
        if time.monotonic() > end:
            raise BenchFailure(f"{program.name} {complaint} after {patience} s: {program.last_words()}")
        time.sleep(0.05)


def accepts(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def run_to_end(command, patience):
    """The standard output of a program that has to end well and in time."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=patience, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise BenchFailure(f"{command[0]} did not end within {patience:.0f} s") from error
    if done.returncode:
        raise BenchFailure(f"{command[0]} ended with {done.returncode}: {(done.stderr or done.stdout).strip()[-500:]}")
    return done.stdout
