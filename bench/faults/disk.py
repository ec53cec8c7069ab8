"""Row 9: the disk of the running service fails and heals again and again while readers book.

The wrapped process (`bench.faults.broken_server`) fails writes, syncs or both for some milliseconds, then works again.
Readers are told 503 meanwhile and ask again with the same key; in the end everybody was told yes or no, and what was told is so.
"""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from bench.faults.callers import Wish
from bench.faults.crowd import Crowd
from bench.faults.ledger import Ledger, Verdict, prefill
from bench.faults.server import NOW, Server, places_of

READERS, SEATS, CONNECTIONS, HOURS = 200, 120, 24, 14
FAULTS = ("full", "write", "sync")


@dataclass
class Outcome:
    """What the failures led to."""

    failures: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    given_up: int = 0
    ledger: Ledger = field(default_factory=Ledger)
    verdict: Verdict = field(default_factory=Verdict)

    @property
    def good(self) -> bool:
        """Tell whether nothing was lost and everybody was told in the end."""
        return self.verdict.good and self.given_up == 0 and set(self.statuses) <= {201, 409, 503}


def run(folder: Path, site: Path, port: int, *, failures: int, seed: int) -> Outcome:
    """Let the disk fail `failures` times while readers book hour after hour."""
    outcome, dice = Outcome(), random.Random(seed)
    control = folder / "control"
    server = Server(folder, port, site, program=("-m", "bench.faults.broken_server", str(control)))
    places = places_of(site)
    seats = [seat.id for seats in places.seats_of.values() for seat in seats][:SEATS]
    prefill(server.database, places, READERS, NOW)
    server.start()
    crowd = Crowd([port], outcome.ledger)
    try:
        asyncio.run(_all(crowd, seats, control, outcome, failures=failures, dice=dice))
    finally:
        server.close()
    outcome.statuses.update(heard.status for heard in crowd.heard)
    outcome.given_up = crowd.given_up
    outcome.verdict = outcome.ledger.judge(server.database)
    return outcome


async def _all(
    crowd: Crowd, seats: list[str], control: Path, outcome: Outcome, *, failures: int, dice: random.Random
) -> None:
    over = asyncio.Event()

    async def fail() -> None:
        for _ in range(failures):
            fault = dice.choice(FAULTS)
            await asyncio.sleep(dice.uniform(0.02, 0.3))
            _set(control, fault)
            outcome.failures[fault] += 1
            await asyncio.sleep(dice.uniform(0.02, 0.3))
            _set(control, "")
        over.set()

    async def book() -> None:
        number = 0
        while not over.is_set():
            start = NOW.replace(hour=8, minute=0) + timedelta(days=1 + number // HOURS, hours=number % HOURS)
            end = start + timedelta(hours=1)
            wishes = [
                Wish(reader, dice.choice(seats), start.isoformat(), end.isoformat(), f"d{number}-{reader}")
                for reader in range(READERS)
            ]
            await crowd.ask_all(wishes, CONNECTIONS, lambda _: None)
            number += 1

    await asyncio.gather(fail(), book())


def _set(control: Path, fault: str) -> None:
    control.write_text(fault)
