"""Many MQTT connections, for long: what they cost, that they leave nothing behind, and that all may come at once.

"Where it began" is what is resident after a first round of the same kind: what a program makes once when it is first
needed, the pages of its code, and the pools of its allocator are there by then. What is compared is what grows with
every connection more.
"""

import contextlib
import os

import pytest

from support.flooding import Audience, peak_memory, settle
from support.server import Server
from support.soaking import MIB, Crowd, Cycles, Tenant, resident, settled

CYCLES = int(os.environ.get("FLUXGATE_SOAK_CYCLES", "20000"))
FIRST_ROUND = 500  # Connections.
DURABILITIES = ("memory", "disk")
MOST_MEMORY = 512  # MiB, as the composition gives to each program.
GENERATORS = 2


@pytest.fixture
def say(capsys):
    def written(text: str) -> None:
        with capsys.disabled():
            print(text, flush=True)

    return written


@pytest.fixture
def serving(program, tmp_path):
    """Starts one server, and ends it."""
    with contextlib.ExitStack() as stack:

        def start(**variables) -> Server:
            server = Server(tmp_path, **variables).start()
            stack.callback(server.kill)
            return server

        yield start


@pytest.fixture
def ending():
    """Ends the programs that the test registers."""
    with contextlib.ExitStack() as stack:

        def register(worker):
            stack.callback(worker.end)
            return worker

        yield register


@pytest.mark.parametrize("durability, clients, kept", [("memory", 10_000, 0), ("memory", 2_000, 1), ("disk", 2_000, 1)])
def test_idle_connections_leave_nothing_behind(serving, ending, say, durability, clients, kept):
    """After some have come and gone already. Sessions that outlive a connection are ended by a clean start."""
    server = serving(MF_MESSAGE_DURABILITY=durability)
    pid = server.process.pid
    crowd = ending(Crowd(Tenant(server, clients // 100), clients, kept))

    def end_sessions(count: int) -> None:
        if kept:
            crowd.come(count, clean=True)
            crowd.leave(count)

    crowd.come(FIRST_ROUND)
    crowd.leave(FIRST_ROUND)
    end_sessions(FIRST_ROUND)
    began = resident(pid)
    came = crowd.come()
    there = resident(pid)
    crowd.leave(clients)
    left = resident(pid)
    end_sessions(clients)
    gone = settled(pid, began * 1.1)
    say(
        f"\n{clients} idle connections, {durability}, {'sessions that outlive them' if kept else 'clean sessions'}: "
        f"{(there - began) / clients:.0f} bytes each; all served after {came['seconds'][0]:.1f} s; MiB resident: "
        f"{began / MIB:.1f} before, {there / MIB:.1f} with them, {left / MIB:.1f} without, {gone / MIB:.1f} in the end"
    )
    server.check()
    assert gone < began * 1.1


@pytest.mark.parametrize("durability", DURABILITIES)
def test_cycles_leave_nothing_behind(serving, ending, say, durability):
    """Connect, publish, disconnect: as often as FLUXGATE_SOAK_CYCLES says, compared with the first quarter.

    Of a million or more it is the first tenth. Each client id comes once, and somebody hears all of QoS 1.
    """
    say("")
    server = serving(MF_MESSAGE_DURABILITY=durability)
    pid = server.process.pid
    tenant = Tenant(server, 2)
    channel, listener = tenant.channels[1], tenant.things[1]
    audience = ending(Audience(server, channel, listener, 1, "hears all"))
    generators = [ending(Cycles(tenant, first=each * 100)) for each in range(GENERATORS)]
    step = CYCLES // 10 if CYCLES >= 1_000_000 else CYCLES // 4
    done, sizes, told = 0, [], []
    while done < CYCLES:
        for each in generators:
            each.tell(str(step // GENERATORS))
        told = [each.answer() for each in generators]
        settle([audience], quiet=0.5)
        done += sum(each["cycles"] for each in told)
        sizes.append(settled(pid, sizes[0] * 1.1) if sizes else resident(pid))
        rate = sum(each["cycles"] / each["seconds"] for each in told)
        say(f"{done} cycles, {durability}: {sizes[-1] / MIB:.1f} MiB resident, {rate:.0f}/s")
    published = {name: count for each in told for name, count in each["published"].items()}
    acknowledged = sum(each["acknowledged"] for each in told)
    # Whoever says goodbye behind PUBLISH doesn't wait until it is stored, but it was there before.
    found = audience.verdict({name: {"accepted": count, "refused": []} for name, count in published.items()})[0]
    say(f"{sum(published.values())} published with QoS 1, {acknowledged} acknowledged before the end; heard: {found}")
    server.check()
    assert sizes[-1] < sizes[0] * 1.1
    assert durability == "disk" or acknowledged == sum(published.values())
    assert found["heard"] == sum(published.values())
    assert (found["lost"], found["twice"], found["out_of_order"], found["strange"], found["end"]) == (0, 0, 0, 0, None)


@pytest.mark.parametrize("durability, is_killed", [("disk", True), ("memory", False)], ids=["killed", "cut"])
def test_all_come_back_at_once(serving, ending, say, durability, is_killed):
    """Half of them to sessions with messages: some that were sent already, and some published while they were away."""
    clients, sent, away = 5_000, range(10), range(10, 20)
    server = serving(MF_MESSAGE_DURABILITY=durability)
    tenant = Tenant(server, clients // 100)
    crowd = ending(Crowd(tenant, clients, kept=2))
    first = crowd.come()
    crowd.do("hold")
    tenant.publish(sent.start, len(sent))
    crowd.hear(sent, sent)
    before = peak_memory(server.process.pid)
    if is_killed:
        server.kill()
        crowd.do("cut")
        server.start()
    else:
        crowd.do("cut")
    tenant.publish(away.start, len(away))
    again = crowd.come()
    heard = crowd.hear(range(sent.start, away.stop), range(0))
    seconds, half = again["seconds"][0], again["half"][0]
    memory = peak_memory(server.process.pid)
    say(
        f"\n{clients} come back at once, {'killed' if is_killed else 'cut'}, {durability}: "
        f"half is served after {half:.2f} s, all after {seconds:.2f} s ({clients / seconds:.0f}/s; at first "
        f"{clients / first['seconds'][0]:.0f}/s), {again['attempts']} attempts, {again['with_session']} with a "
        f"session, {heard} messages heard that waited; most memory, MiB: {before} before, {memory} after"
    )
    server.check()
    assert again["with_session"] == clients // 2
    assert memory < MOST_MEMORY
