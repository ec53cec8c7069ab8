"""Claim: deciding a booking by every rule of the house costs no more than a few raw inserts, even in the release second.

Ours is the writer with nothing in front of it: commands as the booking endpoint hands them over, each with its
idempotency key, each judged, each booking stored under its key with its ledger entry and notice.
The floor is the same number of rows put into a bare table, 64 in a commit that is as durable.
"""

import queue
import secrets
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path

from bench.floors import RawCommits
from bench.machine import prepare, site_text
from bench.measure import Result, compare_rates, in_turns
from bench.wishes import READERS, SEATS, TRIES, Seat, hour, reader, seats_of, wishes
from booking.collector import settle
from booking.domain.places import Places
from booking.service.commands import Changed, LoadPeople, Outcome, Person, Reserve
from booking.service.ports import Writer
from booking.service.request_key import RequestKey
from booking.store.sqlite import open_store
from config.plans import load_plan
from config.schema import Site
from runtime.clock import Clock

ROUNDS = 8
TOGETHER, UNDER_WAY = 64, 4
"""Commands in one submission, as the endpoint gathers them, and submissions that are waited for at once."""
PAYLOAD = b"x" * 200


def run(data: Path) -> Result:
    """Measure whole rushes and as many raw rows in turns."""
    settle()  # as the service has it
    wanted = prepare(data, site_text({}, {"max_active = 2": "max_active = 20"}))
    site, clock = wanted.site, Clock(wanted.shift)
    places = Places.of(site, {area.id: load_plan(site, area).seats for area in site.areas})
    raw = RawCommits(data / "raw.db")
    with closing(open_store(data / "ours.db", places, clock.now())) as store:
        people = tuple(Person(reader=reader(n), name=f"Reader {n}") for n in range(READERS))
        store.writer.submit([LoadPeople(at=clock.now(), people=people)]).result()
        rush = Rush(store.writer, site, clock)
        samples = in_turns(ROUNDS, {"ours": lambda: [rush.rate()], "floor": lambda: [_raw_rate(raw, rush.attempts)]})
    return Result(
        "Writer in the rush",
        f"{READERS:,} readers want {SEATS} seats, skewed to favourites, up to {TRIES} tries each (about {rush.attempts:,} "
        f"attempts, {rush.booked} booked): commands straight into the writer of SQLite, {TOGETHER} in a submission and "
        f"{UNDER_WAY} submissions under way; against as many rows of {len(PAYLOAD)} bytes into a bare table, 64 in a commit "
        f"(WAL, synchronous=FULL). {ROUNDS} rushes in turns.",
        [compare_rates("attempts in the rush", samples["ours"], samples["floor"], at_least=0.15)],
    )


def _raw_rate(raw: RawCommits, rows: int) -> float:
    began = time.perf_counter()
    raw.commit_many(rows, "rush", PAYLOAD)
    return rows / (time.perf_counter() - began)


class Rush:
    """Plays one rush after the other, each for another hour of the day; `readers` are those of all that this one plays."""

    def __init__(self, writer: Writer, site: Site, clock: Clock, readers: range = range(READERS)) -> None:
        self._writer, self._site, self._clock, self._readers = writer, site, clock, readers
        self._seats = seats_of(site)
        self._round = 0
        self._tries: list[Iterator[Reserve]] = []
        self.attempts = 0
        self.booked = 0

    def rate(self) -> float:
        """Return the attempts per second of one whole rush."""
        self.prepare(self._round)
        self._round += 1
        began = time.perf_counter()
        self.play()
        return self.attempts / (time.perf_counter() - began)

    def prepare(self, number: int) -> None:
        """Write down every wish of rush `number`."""
        span = hour(self._site, number)
        drawn = wishes(self._seats, number)
        self._tries = [iter([self._command(n, seat, span) for seat in drawn[n]]) for n in self._readers]

    def play(self) -> None:
        """Have every reader try until they are booked or have no wish left."""
        pending = list(range(len(self._tries)))
        seen: Counter[str] = Counter()
        arrived: queue.SimpleQueue[tuple[list[int], list[Outcome]]] = queue.SimpleQueue()
        under_way = 0
        while pending or under_way:
            while pending and under_way < UNDER_WAY:
                these, pending = pending[:TOGETHER], pending[TOGETHER:]
                commands = [(n, command) for n in these if (command := next(self._tries[n], None))]
                if commands:
                    future = self._writer.submit([command for _, command in commands])
                    who = [n for n, _ in commands]
                    future.add_done_callback(lambda done, who=who: arrived.put((who, done.result())))
                    under_way += 1
            if not under_way:
                break
            who, outcomes = arrived.get()
            under_way -= 1
            for n, outcome in zip(who, outcomes, strict=True):
                seen["booked" if isinstance(outcome, Changed) else str(outcome.code)] += 1
                if not isinstance(outcome, Changed):
                    pending.append(n)
        if seen.keys() - {"booked", "seat-taken"} or seen["booked"] > SEATS:
            raise RuntimeError(f"the rush ended in {seen}")
        self.attempts, self.booked = seen.total(), seen["booked"]

    def _command(self, n: int, seat: Seat, span: tuple[datetime, datetime]) -> Reserve:
        return Reserve(
            reader=reader(n),
            at=self._clock.now(),
            seat=seat.id,
            area=None,
            start=span[0],
            end=span[1],
            request=RequestKey(secrets.token_hex(8), secrets.token_bytes(32)),
        )
