"""Row 3: the booking is stored and the reply is lost on its way. Whoever asks again with the same key must get that reply.

A proxy holds each reply until it has the whole of it, keeps a copy, passes on none or a part and resets both sides. The
reader asks again over a new connection, whose reply may be lost as well. In the end there is one booking for each key,
and what the reader heard is, byte for byte, what the server said the first time.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import apsw

from bench.faults.callers import Answer, Broken, Caller, Wish, whole
from bench.faults.ledger import Ledger, Verdict, prefill, reader_name
from bench.faults.server import NOW, Server, places_of
from bench.proxy import Proxy, Script

CONNECTIONS, HOURS, MOST_LOSSES = 16, 14, 4
BATCH = 1000


@dataclass
class Outcome:
    """What the lost replies led to."""

    bookings: int = 0
    lost_replies: int = 0
    losses: Counter[str] = field(default_factory=Counter)
    """How replies were lost: none of it came, or a part."""
    different: int = 0
    """Repeated replies that differ from the first one."""
    unmarked: int = 0
    """Repeated replies that do not say that they are repeated."""
    ledger: Ledger = field(default_factory=Ledger)
    verdict: Verdict = field(default_factory=Verdict)
    stored: int = 0

    @property
    def good(self) -> bool:
        """Tell whether each key led to one booking and one reply."""
        one_each = self.bookings == self.stored == len({told.id for told in self.ledger.told})
        return one_each and self.different == self.unmarked == 0 and self.verdict.good


class Losses:
    """Makes the proxy's scripts: the reply on the next connection is lost, or it is not."""

    def __init__(self, outcome: Outcome, dice: random.Random) -> None:
        self._outcome, self._dice = outcome, dice
        self.copies: list[Answer] = []
        """What the server said and nobody heard; each reader's call runs alone on its connection."""

    def losing(self, copies: list[Answer]) -> Script:
        """Return a script that keeps the whole reply in `copies` and passes on a part of it, or nothing."""
        held = b""

        def script(data: bytes) -> tuple[bytes, bool]:
            nonlocal held
            held += data
            answer = whole(held)
            if answer is None:
                return b"", False
            copies.append(answer)
            kept = self._dice.choice([0, self._dice.randrange(len(held)), len(held) - 1])
            self._outcome.lost_replies += 1
            self._outcome.losses["nothing came" if kept == 0 else "a part came"] += 1
            return held[:kept], True

        return script


def run(
    folder: Path, site: Path, port: int, *, bookings: int, seed: int, say: Callable[[str], None] = lambda _: None
) -> Outcome:
    """Book `bookings` times, losing each first reply and some of the next."""
    outcome = Outcome(bookings=bookings)
    server = Server(folder, port, site)
    places = places_of(site)
    seats = [seat.id for seats in places.seats_of.values() for seat in seats]
    readers = min(len(seats), -(-bookings // HOURS))
    prefill(server.database, places, readers, NOW)
    server.start()
    try:
        wishes = [_wish(n, seats, readers) for n in range(bookings)]
        asyncio.run(_all(server.port, wishes, outcome, random.Random(seed), say))
        server.stop()
        outcome.verdict = outcome.ledger.judge(server.database)
        outcome.stored = _count(server.database)
    finally:
        server.close()
    return outcome


def _wish(n: int, seats: list[str], readers: int) -> Wish:
    day, hour = divmod(n // readers, HOURS)
    start = NOW.replace(hour=8, minute=0) + timedelta(days=1 + day, hours=hour)
    return Wish(n % readers, seats[n % readers], start.isoformat(), (start + timedelta(hours=1)).isoformat(), f"k-{n}")


async def _all(
    port: int, wishes: list[Wish], outcome: Outcome, dice: random.Random, say: Callable[[str], None]
) -> None:
    losses = Losses(outcome, dice)
    waiting = list(reversed(wishes))

    async def connection() -> None:
        proxy = await Proxy(port).start()
        while waiting:
            wish = waiting.pop()
            await _one(proxy, wish, outcome, losses, dice)
            if len(outcome.ledger.told) % BATCH == 0:
                say(f"{len(outcome.ledger.told)} of {len(wishes)} booked, {outcome.lost_replies} replies lost")
        await proxy.close()

    await asyncio.gather(*(connection() for _ in range(CONNECTIONS)))


async def _one(proxy: Proxy, wish: Wish, outcome: Outcome, losses: Losses, dice: random.Random) -> None:
    """Book once, however often the reply is lost; the proxy is this reader's alone."""
    copies: list[Answer] = []
    request = wish.request()
    proxy.knobs.script = lambda: losses.losing(copies)
    for _ in range(dice.randrange(1, MOST_LOSSES)):
        caller = Caller(proxy.port)
        try:
            await caller.ask(request)
        except Broken:
            pass
        else:
            raise AssertionError("a reply came through that was to be lost")
    proxy.knobs.script = lambda: None
    caller = Caller(proxy.port)
    heard = await caller.insist(request, 3)
    caller.drop()
    first = copies[0]
    if first.status != 201:
        raise AssertionError(f"not booked: {first}")
    repeated = [*copies[1:], heard]
    outcome.different += any((one.status, one.body) != (first.status, first.body) for one in repeated)
    outcome.unmarked += any("idempotency-replayed" not in one.headers for one in repeated)
    outcome.ledger.note(heard.json, reader_name(wish.reader), wish.seat)


def _count(database: Path) -> int:
    connection = apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        return int(connection.execute("SELECT count(*) FROM reservations").fetchone()[0])
    finally:
        connection.close()
