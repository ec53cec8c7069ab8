"""Row 1: `kill -9` of the real booking process in the middle of a rush, again and again.

In each cycle readers fire at favourite seats over open connections; after a number of answers that nobody knows before,
the process is killed. It is started again, everybody who was told nothing asks again with the same key, and the file must
hold every booking that was ever answered, once.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from bench.faults.callers import Broken, Caller, Wish
from bench.faults.ledger import Ledger, Verdict, prefill
from bench.faults.server import NOW, Server, places_of

CONNECTIONS, TRIES = 64, 5
HOURS = 14


@dataclass
class Outcome:
    """What the cycles showed."""

    cycles: int = 0
    ledger: Ledger = field(default_factory=Ledger)
    statuses: Counter[int] = field(default_factory=Counter)
    unanswered: int = 0
    """Requests that the kill left without an answer; each was asked again."""
    done_unheard: int = 0
    """Of those, what had been stored: the repeated request got the stored answer."""
    ready: list[float] = field(default_factory=list)
    """Seconds from each start after a kill to READY."""
    verdict: Verdict = field(default_factory=Verdict)


def run(
    folder: Path,
    site: Path,
    port: int,
    *,
    cycles: int,
    seed: int,
    readers: int = 400,
    say: Callable[[str], None] = lambda _: None,
) -> Outcome:
    """Kill `cycles` times while `readers` fire at half as many seats. Every fiftieth time, and at the end, the whole file is judged."""
    outcome, dice = Outcome(), random.Random(seed)
    server = Server(folder, port, site)
    places = places_of(site)
    seats = [seat.id for seats in places.seats_of.values() for seat in seats][: readers // 2]
    prefill(server.database, places, readers, NOW)
    server.start()
    try:
        for cycle in range(cycles):
            wishes = _wishes(cycle, readers, seats, dice)
            after = dice.randrange(5, readers * 3 // 8)
            asyncio.run(_Rush(server, wishes, outcome, kill_after=after).go())
            outcome.ready.append(server.start())
            asyncio.run(_ask_again(server, wishes, outcome))
            outcome.cycles += 1
            if cycle % 50 == 49 or cycle == cycles - 1:
                outcome.verdict = outcome.ledger.judge(server.database)
                say(f"{outcome.cycles} kills, {len(outcome.ledger.told)} bookings answered, {outcome.verdict}")
                if not outcome.verdict.good:
                    break
        server.stop()
        outcome.verdict = outcome.ledger.judge(server.database)
    finally:
        server.close()
    return outcome


def _wishes(cycle: int, readers: int, seats: list[str], dice: random.Random) -> dict[int, list[Wish]]:
    """Return what each reader will try in this cycle, in order: favourites more often than others."""
    start = NOW.replace(hour=8, minute=0) + timedelta(days=1 + cycle // HOURS, hours=cycle % HOURS)
    weights = [1 / (rank + 3) for rank in range(len(seats))]
    end = start + timedelta(hours=1)
    return {
        reader: [
            Wish(reader, seat, start.isoformat(), end.isoformat(), f"c{cycle}-{reader}-{n}")
            for n, seat in enumerate(dice.choices(seats, weights, k=TRIES))
        ]
        for reader in range(readers)
    }


class _Rush:
    """One cycle: everybody at once, until enough were answered and the process is dead."""

    def __init__(self, server: Server, wishes: dict[int, list[Wish]], outcome: Outcome, *, kill_after: int) -> None:
        self._server, self._wishes, self._outcome = server, wishes, outcome
        self._left = kill_after
        self._waiting = list(wishes)

    async def go(self) -> None:
        """Ask until the process is dead."""
        await asyncio.gather(*(self._connection() for _ in range(CONNECTIONS)))
        if self._server.process is not None:
            self._server.kill()  # everybody was answered before: the kill comes late, and counts all the same

    async def _connection(self) -> None:
        caller = Caller(self._server.port)
        while self._waiting and self._server.process is not None:
            reader = self._waiting.pop()
            tries = self._wishes[reader]
            while tries:
                try:
                    answer = await caller.ask(tries[0].request())
                except Broken:
                    self._outcome.unanswered += 1
                    return  # what this reader wants is asked again after the restart
                if _heard(self._outcome, tries, answer.status, answer.json):
                    self._left -= 1
                    if self._left == 0:
                        self._server.kill()
        caller.drop()


def _heard(outcome: Outcome, tries: list[Wish], status: int, body: dict[str, str]) -> bool:
    """Note an answer: booked, and the reader is content; refused, and the next try is due."""
    outcome.statuses[status] += 1
    wish = tries.pop(0)
    if status == 201:
        outcome.ledger.note(body, f"R{wish.reader:06}", wish.seat)
        tries.clear()
    return status == 201


async def _ask_again(server: Server, wishes: dict[int, list[Wish]], outcome: Outcome) -> None:
    waiting = [tries for tries in wishes.values() if tries]

    async def connection() -> None:
        caller = Caller(server.port)
        while waiting:
            tries = waiting.pop()
            while tries:
                answer = await caller.ask(tries[0].request())
                outcome.done_unheard += "idempotency-replayed" in answer.headers
                _heard(outcome, tries, answer.status, answer.json)
        caller.drop()

    await asyncio.gather(*(connection() for _ in range(CONNECTIONS)))
