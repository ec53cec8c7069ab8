"""One library in one process for rows 7 and 13: a broker, a proxy that can cut its gate off, the gate's disk, booking's database."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import apsw

from bench import proxy as proxies
from bench.faults.broker import RunningBroker
from bench.faults.edge import Booking, Edge, SetClock, booking, clock_at, enrolment_of
from bench.faults.ledger import reader_name
from bench.faults.server import NOW, places_of
from booking.domain.places import Places
from booking.domain.violations import Standing
from booking.identity import Identity
from booking.service.commands import Card, Changed, LoadPeople, Person, Reserve
from booking.store.opened import Store
from booking.store.sqlite import open_store
from messages.access import Direction
from runtime.clock import Clock

PORTALS = {"south-1": ("in", ""), "south-2": ("out", "")}
PATIENCE_SECONDS = 120


def until(said: str, holds: Callable[[], bool]) -> None:
    """Return once `holds()`; RuntimeError, which names what was waited for, when it never does."""
    clock, pause = Clock(), threading.Event()
    deadline = clock.monotonic_ns() + PATIENCE_SECONDS * 1_000_000_000
    while not holds():
        if clock.monotonic_ns() > deadline:
            raise RuntimeError(f"waited in vain: {said}")
        pause.wait(0.005)


@dataclass
class House:
    """A library with one gate on its own disk, at the time of `clock`."""

    folder: Path
    places: Places
    broker: RunningBroker
    proxy: proxies.ProxyInThread
    edge: Edge
    clock: SetClock
    data: Path
    database: Path

    def booking(self) -> AbstractContextManager[Booking]:
        """Open the database and listen at the broker, until the block ends."""
        return booking(self.database, self.data, self.places, self.broker.settings("booking"), self.clock)

    def book(self, store: Store, number: int, start: datetime, hours: int) -> None:
        """Book for reader `number` the seat of that number."""
        seats = [seat.id for seats in self.places.seats_of.values() for seat in seats]
        end = start + timedelta(hours=hours)
        who, at = reader_name(number), self.clock.now()
        wish = Reserve(reader=who, at=at, seat=seats[number], area=None, start=start, end=end)
        (made,) = store.writer.submit([wish]).result(30)
        if not isinstance(made, Changed):
            raise TypeError(f"not booked: {made}")

    def passes(self, way: str, number: int, at: datetime) -> None:
        """Let reader `number` pass the gate."""
        self.clock.put(at)
        self.edge.passes(Direction(way), f"{number:010}", f"south-{1 if way == 'in' else 2}")

    def delivered(self) -> bool:
        """Tell whether booking has acknowledged all that the gate holds."""
        return self.edge.outbox.state().depth == 0

    def cut(self) -> None:
        """Let nothing through between the gate and the broker."""
        self.proxy.black_hole()

    def mend(self) -> None:
        """Let everything through again; what hung in the old connections is gone."""
        self.proxy.black_hole(on=False)
        self.proxy.reset_all()

    def settled(self, service: Booking, said: str) -> None:
        """Wait until the gate has told all, has said that nothing is missing, and time has done what follows."""
        until(said, self.delivered)
        reports = service.ingest.counts["reports"]
        self.edge.report()
        until("the gate says how far it is", lambda: service.ingest.counts["reports"] > reports)
        service.sweep()

    def figure(self, query: str) -> int:
        """Return the one number that a query gives."""
        with closing(apsw.Connection(str(self.database), flags=apsw.SQLITE_OPEN_READONLY)) as connection:
            return int(str(connection.execute(query).fetchall()[0][0]))


def standing(store: Store, number: int, now: datetime) -> set[Standing]:
    """Return how far the violations of reader `number` have come."""
    return {one.standing for one in store.reads.violations(reader_name(number), now).items}


@contextmanager
def library(folder: Path, site_file: Path, broker: RunningBroker, readers: int) -> Iterator[House]:
    """Make a library with `readers` who have cards, its gate known and delivering, at `NOW`."""
    places, clock = places_of(site_file), clock_at(NOW)
    data, database = folder / "data", folder / "booking.sqlite"
    data.mkdir(parents=True)
    server = Identity.load_or_create(places.site.id, data)
    with proxies.in_thread(broker.port) as proxy:
        settings = broker.through("gate-south", proxy.port)
        edge = Edge(folder / "gate", places.site, settings, server.key.public_bytes, clock)
        people = tuple(
            Person(reader=reader_name(n), name="r", cards=(Card("card", f"{n:010}"),)) for n in range(readers)
        )
        with closing(open_store(database, places, NOW)) as store:
            store.writer.submit([LoadPeople(at=NOW, people=people), *enrolment_of(edge.key, NOW)]).result(30)
        edge.start()
        try:
            yield House(folder, places, broker, proxy, edge, clock, data, database)
        finally:
            proxy.black_hole(on=False)
            edge.close()
