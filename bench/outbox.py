"""Claim: putting an event into the outbox costs little more than the commit that makes it durable."""

from pathlib import Path

from bench.floors import RawCommits
from bench.measure import Result, compare, in_turns, timed
from runtime.clock import Clock
from runtime.outbox import Outbox

ROUNDS = 3000
TOPIC = "seatgate/v1/bench/gates/south/access"
PAYLOAD = b'{"specversion":"1.0",' + b"x" * 580 + b"}"  # as long as an access event's


def run(data: Path) -> Result:
    """Append to an outbox and commit to a bare file in turns."""
    raw = RawCommits(data / "raw.db")
    with Outbox(data / "outbox.db", Clock()) as outbox:
        samples = in_turns(
            ROUNDS,
            {
                "outbox": lambda: [timed(lambda: outbox.append(lambda _e, _s: (TOPIC, PAYLOAD)))],
                "raw": lambda: [timed(lambda: raw.commit(TOPIC, PAYLOAD))],
            },
            warm_up=1200,
        )
    return Result(
        "Outbox",
        f"`Outbox.append` of one event of {len(PAYLOAD)} bytes, against one row of the same bytes committed to a bare "
        f"SQLite file beside it (WAL, synchronous=FULL); {ROUNDS} each, one after the other.",
        [
            compare("append, median", samples["outbox"], samples["raw"]),
            compare("append, p99", samples["outbox"], samples["raw"], percent=99),
        ],
    )
