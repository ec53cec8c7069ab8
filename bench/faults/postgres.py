"""Rows 4 and 5: PostgreSQL is stopped, killed or got in the way of while readers book; one of two workers is killed.

The real server, one or two real booking processes on it, and readers who ask again with the same key until they are told.
"""

import asyncio
import itertools
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from signal import SIGKILL, SIGQUIT

from bench.faults.callers import Wish
from bench.faults.crowd import Crowd
from bench.faults.ledger import Ledger, Verdict, judge, prefill
from bench.faults.postgres_server import RunningPostgres
from bench.faults.server import NOW, Server, places_of
from booking.store.postgres.turn import TURN

READERS, SEATS, CONNECTIONS, HOURS = 300, 150, 32, 14
GRACE = 5.0
"""Seconds after an outage in which a refusal may still come."""
KINDS = ("immediate stop", "kill of the server", "kill of a backend", "deadlock")
Say = Callable[[str], None]


@dataclass
class Outcome:
    """What the rounds showed."""

    rounds: Counter[str] = field(default_factory=Counter)
    ledger: Ledger = field(default_factory=Ledger)
    statuses: Counter[int] = field(default_factory=Counter)
    late: int = 0
    """Answers of 5xx before an outage, or later than GRACE after it."""
    given_up: int = 0
    unanswered: int = 0
    longest: float = 0.0
    """Seconds between two answers of a worker that nothing happened to, at the longest, around the other's death."""
    outages: list[float] = field(default_factory=list)
    deadlocks: int = 0
    verdict: Verdict = field(default_factory=Verdict)

    @property
    def good(self) -> bool:
        """Tell whether nothing was lost, doubled, or refused for longer than the outage."""
        return self.verdict.good and self.late == self.given_up == 0


def server_faults(folder: Path, site: Path, ports: list[int], *, rounds: int, seed: int, say: Say) -> Outcome:
    """Row 4: `rounds` of each kind. `ports`: for the booking process and for PostgreSQL."""
    outcome, dice = Outcome(), random.Random(seed)
    database = RunningPostgres(ports[1])
    server = Server(folder, ports[0], site, settings={"database": database.url().value})
    places = places_of(site)
    seats = [seat.id for seats in places.seats_of.values() for seat in seats][:SEATS]
    try:
        prefill(database.url(), places, READERS, NOW)
        server.start()
        for number in range(rounds * len(KINDS)):
            kind = KINDS[number % len(KINDS)]
            _round(outcome, database, server, kind, wishes=_wishes(number, seats, dice), dice=dice)
            outcome.rounds[kind] += 1
            say(f"{kind}: {outcome.statuses}, {outcome.late} refused too late")
        outcome.verdict = judge(database.url(), outcome.ledger.told)
    finally:
        server.close()
        database.remove()
    return outcome


def _wishes(number: int, seats: list[str], dice: random.Random) -> list[Wish]:
    start = NOW.replace(hour=8, minute=0) + timedelta(days=1 + number // HOURS, hours=number % HOURS)
    end = start + timedelta(hours=1)
    return [
        Wish(reader, dice.choice(seats), start.isoformat(), end.isoformat(), f"r{number}-{reader}")
        for reader in range(READERS)
    ]


def _round(
    outcome: Outcome, database: RunningPostgres, server: Server, kind: str, *, wishes: list[Wish], dice: random.Random
) -> None:
    crowd = Crowd([server.port], outcome.ledger)
    when = dice.randrange(5, READERS * 2 // 3)
    span: list[float] = []
    asyncio.run(_with_fault(crowd, wishes, when, lambda: _break(database, kind, outcome), span))
    began, ended = span
    outcome.outages.append(ended - began)
    outcome.given_up += crowd.given_up
    for heard in crowd.heard:
        outcome.statuses[heard.status] += 1
        outcome.unanswered += heard.status == 0
        outcome.late += heard.status >= 500 and not began <= heard.at <= ended + GRACE


async def _with_fault(
    crowd: Crowd, wishes: list[Wish], when: int, fault: Callable[[], object], span: list[float]
) -> None:
    """Let the crowd ask, and break something once `when` wishes are answered; `span`: from when to when."""
    due = asyncio.Event()

    async def break_it() -> None:
        await due.wait()
        span.append(time.monotonic())
        await asyncio.to_thread(fault)
        span.append(time.monotonic())

    await asyncio.gather(
        crowd.ask_all(wishes, CONNECTIONS, lambda answered: due.set() if answered >= when else None), break_it()
    )


def _break(database: RunningPostgres, kind: str, outcome: Outcome) -> None:
    match kind:
        case "immediate stop":
            database.end(SIGQUIT)
            database.start()
        case "kill of the server":
            database.end(SIGKILL)
            database.start()
        case "kill of a backend":
            if database.kill_backend("seatgate%") == 0:
                raise RuntimeError("no process of the server works for us")
        case _:
            outcome.deadlocks += database.get_in_the_way(TURN)


def worker_deaths(folder: Path, site: Path, ports: list[int], *, rounds: int, seed: int, say: Say) -> Outcome:
    """Row 5: kill one of two workers `rounds` times. `ports`: for both, and for PostgreSQL."""
    outcome, dice = Outcome(), random.Random(seed)
    database = RunningPostgres(ports[2])
    settings = {"database": database.url().value}
    workers = [Server(folder / f"worker-{n}", ports[n], site, settings=settings) for n in range(2)]
    places = places_of(site)
    seats = [seat.id for seats in places.seats_of.values() for seat in seats][:SEATS]
    try:
        prefill(database.url(), places, READERS, NOW)
        for worker in workers:
            worker.start()
        for number in range(rounds):
            victim, other = workers if number % 2 else workers[::-1]
            crowd = Crowd([victim.port, other.port], outcome.ledger)
            span: list[float] = []
            when = dice.randrange(5, READERS * 2 // 3)
            asyncio.run(_with_fault(crowd, _wishes(number, seats, dice), when, victim.kill, span))
            outcome.rounds["kill of a worker"] += 1
            outcome.given_up += crowd.given_up
            outcome.statuses.update(heard.status for heard in crowd.heard)
            outcome.unanswered += sum(heard.status == 0 for heard in crowd.heard)
            outcome.late += sum(heard.status >= 500 for heard in crowd.heard)
            times = [heard.at for heard in crowd.heard if heard.port == other.port and heard.status]
            outcome.longest = max(outcome.longest, *(b - a for a, b in itertools.pairwise(times)))
            say(f"{number + 1} killed: {outcome.statuses}, longest silence of the other {outcome.longest:.2f} s")
            victim.start()
        outcome.verdict = judge(database.url(), outcome.ledger.told)
    finally:
        for worker in workers:
            worker.close()
        database.remove()
    return outcome
