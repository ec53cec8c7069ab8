"""Claim: ten million past reservations slow neither today's map nor a booking.

Two databases that differ in nothing but how many reservations are over: a few, and very many. `SEATGATE_BENCH_PAST` says how
many those are; 10,000,000 takes some minutes and 5 GB of disk.
"""

import itertools
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import timedelta
from pathlib import Path

import apsw

from bench.machine import prepare, site_text
from bench.measure import Result, compare, in_turns, timed
from bench.wishes import hour, reader, seats_of
from booking.domain.places import Places
from booking.service.commands import Changed, LoadPeople, Person, Reserve
from booking.store.opened import Store
from booking.store.sqlite import open_store
from config.plans import load_plan
from config.schema import Site
from runtime.clock import Clock

FEW = 10_000
MANY = int(os.environ.get("SEATGATE_BENCH_PAST", "1000000"))
READERS, TURNS, HOURS = 300, 400, 10
AREA = "2f-east"
PAST = """
WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n LIMIT ?1)
INSERT INTO reservations (id, reader, area, seat, start_us, end_us, status, created_us, checked_in_us, closed_us)
SELECT printf('0%021d', n), printf('R%06d', n % ?2), ?3, printf('%s-%03d', ?3, n % 222 + 1),
    ?4 - n * 60000000, ?4 - n * 60000000 + 7200000000, 'ended', ?4 - n * 60000000 - 3600000000,
    ?4 - n * 60000000, ?4 - n * 60000000 + 7200000000 FROM n
"""


def run(data: Path) -> Result:
    """Fill both databases, then read and book in both in turns."""
    wanted = prepare(data, site_text({}, {"max_active = 2": "max_active = 20"}))
    clock = Clock(wanted.shift)
    began = time.perf_counter()
    with ExitStack() as stack:
        sides = {}
        for name, count in (("many", MANY), ("few", FEW)):
            store = stack.enter_context(closing(_filled(data / f"{name}.db", wanted.site, clock, count)))
            sides[name] = _Side(store, wanted.site, clock)
        filled = time.perf_counter() - began
        maps = in_turns(TURNS, {name: side.map for name, side in sides.items()})
        bookings = in_turns(TURNS, {name: side.book for name, side in sides.items()})
        lists = in_turns(TURNS, {name: side.list for name, side in sides.items()})
    return Result(
        "Past reservations",
        f"{MANY:,} reservations that are over against {FEW:,}, otherwise the same library on SQLite ({READERS:,} readers; "
        f"filling both took {filled:.0f} s): the map of {AREA} read, a booking until it is committed, and a reader's page of "
        f"reservations; {TURNS} of each, one after the other.",
        [
            compare("map read, median", maps["many"], maps["few"], aim=1.5),
            compare("booking, median", bookings["many"], bookings["few"], aim=1.5),
            compare("my reservations, median", lists["many"], lists["few"], aim=1.5),
        ],
    )


def _filled(database: Path, site: Site, clock: Clock, count: int) -> Store:
    """Open a store with `count` reservations that are over, written straight into the file."""
    places = Places.of(site, {area.id: load_plan(site, area).seats for area in site.areas})
    people = tuple(Person(reader=reader(n), name=f"Reader {n}") for n in range(READERS))
    with closing(open_store(database, places, clock.now())) as store:
        store.writer.submit([LoadPeople(at=clock.now(), people=people)]).result()
    latest = int((clock.now() - timedelta(days=2)).timestamp()) * 1_000_000
    connection = apsw.Connection(str(database))
    for pragma in ("synchronous = OFF", "cache_size = -1000000", "temp_store = memory"):
        connection.execute(f"PRAGMA {pragma}").fetchall()
    # what only the last rows need is made when all are there: one sort is quicker than millions of places in a tree
    [index] = connection.execute("SELECT sql FROM sqlite_master WHERE name = 'reservations_of_reader'").fetchone()
    connection.execute("BEGIN; DROP INDEX reservations_of_reader").fetchall()
    connection.execute(PAST, (count, READERS, AREA, latest)).fetchall()
    connection.execute(index).fetchall()
    connection.execute("COMMIT; PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    connection.close()
    return open_store(database, places, clock.now())


class _Side:
    """One of the databases."""

    def __init__(self, store: Store, site: Site, clock: Clock) -> None:
        self._store, self._site, self._clock = store, site, clock
        self._wishes = itertools.product(range(HOURS), seats_of(site))
        self._readers = itertools.cycle(range(READERS))

    def map(self) -> Iterator[float]:
        yield timed(lambda: self._store.reads.area_map(AREA, self._clock.now()))

    def list(self) -> Iterator[float]:
        who = reader(next(self._readers))
        yield timed(lambda: self._store.reads.reservations(who, self._clock.now()))

    def book(self) -> Iterator[float]:
        number, seat = next(self._wishes)
        start, end = hour(self._site, number)
        command = Reserve(
            reader=reader(next(self._readers)), at=self._clock.now(), seat=seat.id, area=None, start=start, end=end
        )
        began = time.perf_counter()
        [outcome] = self._store.writer.submit([command]).result()
        seconds = time.perf_counter() - began
        if not isinstance(outcome, Changed):
            raise TypeError(f"not booked: {outcome}")
        yield seconds
