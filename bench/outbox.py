"""Claim: putting an event into the outbox costs little more than the commit that makes it durable, from one lane or many."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.floors import RawCommits
from bench.measure import Result, compare, compare_rates, in_turns, timed
from runtime.clock import Clock
from runtime.outbox import Outbox

ROUNDS = 3000
BURSTS, LANES, PER_LANE = 60, 8, 16
PART = 100
TOPIC = "seatgate/v1/bench/gates/south/access"
PAYLOAD = b'{"specversion":"1.0",' + b"x" * 580 + b"}"  # as long as an access event's


def run(data: Path) -> Result:
    """Append to an outbox and commit to a bare file in turns."""
    raw, lock = RawCommits(data / "raw.db"), threading.Lock()

    def commit() -> None:
        with lock:
            raw.commit(TOPIC, PAYLOAD)

    with Outbox(data / "outbox.db", Clock()) as outbox, ThreadPoolExecutor(LANES) as lanes:

        def append() -> None:
            outbox.append(lambda _epoch, _sequence: (TOPIC, PAYLOAD))

        samples = in_turns(ROUNDS, {"outbox": lambda: [timed(append)], "raw": lambda: [timed(commit)]}, warm_up=1200)
        bursts = in_turns(
            BURSTS, {"outbox": lambda: _burst(lanes, append), "raw": lambda: _burst(lanes, commit)}, warm_up=5
        )
    rates = {
        name: [PART / sum(figures[n : n + PART]) for n in range(0, ROUNDS, PART)] for name, figures in samples.items()
    }
    return Result(
        "Outbox",
        f"`Outbox.append` of one event of {len(PAYLOAD)} bytes, against one row of the same bytes committed to a bare "
        f"SQLite file beside it (WAL, synchronous=FULL); {ROUNDS} each, one after the other, as times and (by the {PART}) as "
        f"rates. Then bursts: {LANES} threads at once with {PER_LANE} events each, in both cases one commit an event.",
        [
            compare("append, median", samples["outbox"], samples["raw"]),
            compare("append, p99", samples["outbox"], samples["raw"], percent=99),
            compare_rates("appends, one lane", rates["outbox"], rates["raw"], at_least=0.5),
            compare_rates(f"appends, bursts of {LANES} lanes", bursts["outbox"], bursts["raw"], at_least=0.5),
        ],
    )


def _burst(lanes: ThreadPoolExecutor, action: Callable[[], None]) -> Iterator[float]:
    def lane() -> None:
        for _ in range(PER_LANE):
            action()

    began = time.perf_counter()
    for done in [lanes.submit(lane) for _ in range(LANES)]:
        done.result()
    yield LANES * PER_LANE / (time.perf_counter() - began)
