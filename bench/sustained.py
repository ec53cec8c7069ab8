"""Claim: passages go from the wire to booking's acknowledgement at half the rate of the slower of what that stands on.

It stands on raw commits and on a bare stream of messages over the broker. `SEATGATE_BENCH_ROUNDS`: a longer run.
"""

import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench.echo import BACK, THERE
from bench.floors import PATIENCE, RawCommits, bare_client, subscribe
from bench.lanes import fill, walking
from bench.machine import OBSERVER, Line, Machine, count, prepare, running, site_text
from bench.measure import ROOT, Result, compare_rates, in_turns
from bench.processes import child, cpu
from onsite.broker import find_mosquitto

ROUNDS = int(os.environ.get("SEATGATE_BENCH_ROUNDS", "8"))
LANES, READERS, PASSAGES = 8, 600, 2400
COMMITS, WINDOW = 2400, 20
PAYLOAD = b"x" * 450  # as long as an access event's


def run(data: Path) -> Result:
    """Let readers walk in and out of eight lanes, in turns with both floors."""
    lines = {f"south-{n}": Line.open() for n in range(LANES)}
    ways = ["in", "out"]
    wanted = prepare(
        data, site_text({lane: (ways[n % 2], line.device) for n, (lane, line) in enumerate(lines.items())})
    )
    fill(wanted, READERS)
    with ExitStack() as stack:
        for line in lines.values():
            stack.callback(line.close)
        machine = stack.enter_context(running(wanted))
        every = list(lines.values())
        passages = stack.enter_context(walking(machine, every[::2], every[1::2], READERS))
        stream = stack.enter_context(_streaming(machine))
        raw = RawCommits(data / "raw.db")
        used = _Used()

        def ours() -> Iterator[float]:
            with used.counting():
                yield from _rate(PASSAGES, lambda: passages.swipe(PASSAGES))

        samples = in_turns(
            ROUNDS,
            {
                "ours": ours,
                "raw": lambda: _rate(COMMITS, lambda: [raw.commit(THERE, PAYLOAD) for _ in range(COMMITS)]),
                "bare": lambda: _rate(PASSAGES, stream),
            },
        )
        seen = used.rows()
    stored = count(Path(wanted.database), "SELECT count(*) FROM inbox")
    if stored != (ROUNDS + 1) * PASSAGES:
        raise RuntimeError(f"{stored} events are stored of {(ROUNDS + 1) * PASSAGES}")
    slower = [min(pair) for pair in zip(samples["raw"], samples["bare"], strict=True)]
    return Result(
        "Passages, sustained",
        f"{PASSAGES:,} passages a round of {READERS} readers with a reservation through {LANES} lanes of one gate, each a change "
        "of the reservation with notice and map: from the frame's write to a pseudo-terminal until booking's acknowledgement "
        "reaches a client on the gate's topic; at most 256 on their way. Real processes: mosquitto, `seatgate booking`, "
        f"`seatgate gate`. The floors, in turns with it: {COMMITS:,} single-row commits (WAL, synchronous=FULL); as many "
        f"messages of the same size from one bare paho client to another over the same broker, QoS 1, {WINDOW} under way.",
        [
            compare_rates("passages against the slower of both", samples["ours"], slower, at_least=0.5),
            compare_rates("passages against raw commits", samples["ours"], samples["raw"]),
            compare_rates("passages against bare messages", samples["ours"], samples["bare"]),
        ],
        seen,
    )


def _rate(many: int, action: Callable[[], object]) -> Iterator[float]:
    began = time.perf_counter()
    action()
    yield many / (time.perf_counter() - began)


_PROCESSES = {"gate": "gate", "booking": "booking", "mosquitto": find_mosquitto()}
"""Name → a word of its command line."""


class _Used:
    """The processor time that our processes use while passages are counted."""

    def __init__(self) -> None:
        self._pids = {name: child(word) for name, word in _PROCESSES.items()}
        self._seconds = dict.fromkeys(self._pids, 0.0)
        self._rounds = 0

    @contextmanager
    def counting(self) -> Iterator[None]:
        before = {name: cpu(pid) for name, pid in self._pids.items()}
        yield
        self._rounds += 1
        for name, pid in self._pids.items():
            self._seconds[name] += cpu(pid) - before[name]

    def rows(self) -> list[str]:
        each = {name: seconds / self._rounds / PASSAGES * 1e6 for name, seconds in self._seconds.items()}
        return ["| process | processor time a passage |", "|---|---|"] + [
            f"| {name} | {microseconds:.0f} µs |" for name, microseconds in each.items()
        ]


@contextmanager
def _streaming(machine: Machine) -> Iterator[Callable[[], None]]:
    """Yield what sends PASSAGES messages from one bare client to another, and returns once all have arrived."""
    way = machine.way(OBSERVER.name)
    command = [sys.executable, "-m", "bench.sink", str(PASSAGES), *map(str, way)]
    back: queue.SimpleQueue[None] = queue.SimpleQueue()
    free = threading.Semaphore(WINDOW)
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        other.stdout.readline()
        client = bare_client(way)
        client.on_message = lambda *_arguments: back.put(None)
        client.on_publish = lambda *_arguments: free.release()
        subscribe(client, BACK)

        def stream() -> None:
            for _ in range(PASSAGES):
                free.acquire()
                client.publish(THERE, PAYLOAD, qos=1)
            back.get(timeout=PATIENCE)

        yield stream
        client.disconnect()
        client.loop_stop()
        other.stdin.close()
