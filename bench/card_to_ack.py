"""Claim: from the last byte of a card to booking's acknowledgement takes little more than what cannot be left out.

That is: the gate's commit, the way over the broker, booking's commit, the way back. The floor does just these, bare.
"""

import os
import queue
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench.echo import BACK, THERE
from bench.floors import PATIENCE, RawCommits, bare_client, subscribe
from bench.lanes import frame
from bench.machine import OBSERVER, Line, Machine, count, prepare, running, site_text
from bench.measure import ROOT, Result, compare, in_turns, timed
from messages import acknowledgement
from messages.topics import Family, Leaf, build

SWIPES = 600
PAYLOAD = b"x" * 600  # as long as an access event's


def run(data: Path) -> Result:
    """Swipe one reader in and out, in turns with the floor."""
    lines = {"south-1": Line.open(), "south-2": Line.open()}
    ways = {"south-1": "in", "south-2": "out"}
    site = site_text({portal: (ways[portal], line.device) for portal, line in lines.items()})
    wanted = prepare(data, site)
    with ExitStack() as stack:
        for line in lines.values():
            stack.callback(line.close)
        machine = stack.enter_context(running(wanted, tls=True))
        _book(machine)
        swipe = stack.enter_context(_swiping(machine, [lines["south-1"], lines["south-2"]]))
        floor = stack.enter_context(_floor(machine, data))
        samples = in_turns(SWIPES, {"ours": lambda: [swipe()], "floor": lambda: [floor()]}, warm_up=60)
        changes = count(Path(wanted.database), CHANGES)
    if changes < SWIPES:
        raise RuntimeError(f"only {changes} of more than {SWIPES} swipes changed the reservation")
    return Result(
        "Card to acknowledgement",
        f"{SWIPES} swipes of a reader with a reservation, in and out by turns, each a change of the reservation with "
        "notice and map: from the RDM6300 frame's write to the pseudo-terminal until booking's acknowledgement reaches a "
        "client on the gate's topic. Real processes: mosquitto, `seatgate booking`, `seatgate gate`. The floor, taken "
        "between the swipes: two single-row commits to bare SQLite files (WAL, synchronous=FULL), and one message of the "
        "same size there and back over the same broker between two bare clients (QoS 1, TCP_NODELAY). TLS on for both.",
        [
            compare("card to acknowledgement, p50", samples["ours"], samples["floor"], aim=1.5),
            compare("card to acknowledgement, p99", samples["ours"], samples["floor"], aim=1.5, percent=99),
        ],
    )


CHANGES = "SELECT count(*) FROM evidence WHERE source = 'gate'"


def _book(machine: Machine) -> None:
    """Give the first demo reader a seat from now on."""
    headers = machine.bearer(machine.accounts[0]) | {"Idempotency-Key": "bench"}
    wish = {"seat": "2f-centre-065", "start": None, "end": "2023-07-17T13:00:00+08:00"}
    machine.post("/api/v1/reservations", wish, headers)


@contextmanager
def _swiping(machine: Machine, lines: list[Line]):
    """Yield what swipes the first reader's card, at one line after the other, and returns the seconds until the
    acknowledgement.
    """
    topic = build(machine.wanted.site.id, Family.GATES, "south", Leaf.ACK)
    arrived: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()
    client = bare_client(machine.way(OBSERVER.name))
    client.on_message = lambda _client, _data, message: arrived.put((time.perf_counter(), message.payload))
    subscribe(client, topic)
    bytes_of_card = frame(machine.accounts[0].card)
    turns = _turns(lines)
    done = 0

    def swipe() -> float:
        nonlocal done
        line = next(turns)
        began = time.perf_counter()
        os.write(line.end, bytes_of_card)
        while True:
            seen, payload = arrived.get(timeout=PATIENCE)
            held = acknowledgement.decode(payload).ranges
            if held and held[-1][1] > done:  # an earlier one sent again is not ours
                done = held[-1][1]
                return seen - began

    yield swipe
    client.disconnect()
    client.loop_stop()


def _turns(lines: list[Line]) -> Iterator[Line]:
    while True:
        yield from lines


@contextmanager
def _floor(machine: Machine, data: Path):
    """Yield what does the bare work once and returns its seconds."""
    edge, server = RawCommits(data / "edge.db"), RawCommits(data / "server.db")
    way = machine.way(OBSERVER.name)
    command = [sys.executable, "-m", "bench.echo", *map(str, way)]
    back: queue.SimpleQueue[None] = queue.SimpleQueue()
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        other.stdout.readline()
        client = bare_client(way)
        client.on_message = lambda *_arguments: back.put(None)
        subscribe(client, BACK)

        def there_and_back() -> None:
            client.publish(THERE, PAYLOAD, qos=1)
            back.get(timeout=PATIENCE)

        yield (
            lambda: (
                timed(lambda: edge.commit(THERE, PAYLOAD))
                + timed(there_and_back)
                + timed(lambda: server.commit(THERE, PAYLOAD))
            )
        )
        client.disconnect()
        client.loop_stop()
        other.stdin.close()
