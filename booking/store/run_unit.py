"""booking.service.unit.Unit over the facts of a run of bookings: what it reads is known already, what it inserts can wait.

Whatever is not known here is asked of the database, as ever; before that, and at the end, what waits is inserted. Whatever
changes anything but by an insert that waits makes the facts stale, and they are asked for again: so being quick is never a
question of being right, and any command that only reads a little more is right from the start.
"""

import weakref
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from booking.domain.capacity import Level
from booking.domain.closures import Closure
from booking.domain.freezing import Evacuation
from booking.domain.places import Places
from booking.domain.reservation import Reservation
from booking.domain.violations import Violation
from booking.domain.window import Interval
from booking.service.commands import Reserve
from booking.service.request_key import RequestKey
from booking.store.evacuation_rows import EvacuationRows
from booking.store.facts import Facts
from booking.store.many import Insert
from booking.store.opening_rows import LOOKS
from booking.store.sql import Connection, Rows
from booking.store.tell import NOTIFICATIONS
from booking.store.unit import ANSWERS, EVIDENCE, RESERVATIONS, StoreUnit
from booking.store.violation_rows import ViolationRows

_ORDER = (RESERVATIONS, EVIDENCE, NOTIFICATIONS, LOOKS, ANSWERS)
"""What others refer to comes first."""
MOST_ASKED = 4
"""A run in which the facts go stale more often than this is no rush: the rest of it is carried out one by one."""


class Waiting:
    """A connection that keeps inserts back until something else is asked of it. `stale` once something was changed."""

    def __init__(self, db: Connection) -> None:
        self._db = db
        self._rows: dict[Insert, list[tuple[Any, ...]]] = {insert: [] for insert in _ORDER}
        self.stale = False

    def insert(self, insert: Insert, row: tuple[Any, ...]) -> None:
        """Insert a row soon."""
        self._rows[insert].append(row)

    def flush(self) -> None:
        """Insert what waits, each table's rows in the order in which they came."""
        for insert, rows in self._rows.items():
            if rows:
                self._rows[insert] = []
                insert.all(self._db, rows)

    def execute(self, sql: str, values: Sequence[Any] = (), /) -> Rows:
        """Run any other statement; it sees all that was inserted before."""
        self.flush()
        if not sql.startswith("SELECT"):
            self.stale = True
        return self._db.execute(sql, values)

    def close(self) -> None:
        """Do nothing: the connection is the writer's."""


class _Violations(ViolationRows):
    """A reader's violations out of the facts, all else from the database."""

    def __init__(self, unit: "RunUnit", db: Connection) -> None:
        super().__init__(db)
        self._unit: RunUnit = weakref.proxy(unit)  # its own part: in a circle it would stay until it is collected

    def of_reader(self, reader: str) -> list[Violation]:
        """Return a reader's violations, oldest first."""
        facts = self._unit.facts
        return list(facts.violations[reader]) if reader in facts.readers else super().of_reader(reader)


class _Evacuations(EvacuationRows):
    """Evacuations that go on out of the facts, all else from the database."""

    def __init__(self, unit: "RunUnit", db: Connection) -> None:
        super().__init__(db)
        self._unit: RunUnit = weakref.proxy(unit)

    def open_in(self, venue: str) -> Evacuation | None:
        """Return the evacuation of `venue` that goes on."""
        return self._unit.facts.evacuated.get(venue)


class RunUnit(StoreUnit):
    """The reads and writes of all commands of one run, which are carried out one after the other."""

    def __init__(self, db: Connection, places: Places, commands: Sequence[Reserve]) -> None:
        self._waiting = Waiting(db)
        super().__init__(self._waiting, places)
        self._commands = commands
        self._facts = Facts(self._waiting, places, commands)
        self.violations = _Violations(self, self._waiting)
        self.evacuations = _Evacuations(self, self._waiting)
        self._asked = 1

    @property
    def facts(self) -> Facts:
        """Return what is known; asked again where it may no longer be true."""
        if self._waiting.stale:
            self._waiting.flush()
            self._waiting.stale = False
            self._asked += 1
            self._facts = Facts(self._waiting, self._places, self._commands)
        return self._facts

    @property
    def worth_it(self) -> bool:
        """Tell whether the facts were good for some commands each time that they were asked for."""
        return self._asked <= MOST_ASKED

    def end(self) -> set[str]:
        """Insert what waits; return the areas that the run has changed and in which somebody waits for a place."""
        waited = self.touched & self.facts.waited if self.touched else set()
        self._waiting.flush()
        return waited

    def _insert(self, insert: Insert, row: tuple[Any, ...]) -> None:
        self._waiting.insert(insert, row)

    # ---- writes that the facts follow --------------------------------------------------------------------------------

    def add(self, reservation: Reservation) -> None:
        """Insert a reservation; storage refuses an overlap, at the latest when the run ends."""
        self.facts.add(reservation, self._due(reservation))
        super().add(reservation)

    def answer_to(self, reader: str, key: str) -> tuple[bytes, str] | None:
        """Return the digest of the reader's earlier request under this key and its outcome as it is stored."""
        return self.facts.answers.get((reader, key))

    def keep_answer(self, reader: str, request: RequestKey, outcome: str, at: datetime) -> None:
        """Store the outcome of a request."""
        super().keep_answer(reader, request, outcome, at)
        self.facts.answers[reader, request.key] = (request.digest, outcome)

    # ---- reads -------------------------------------------------------------------------------------------------------

    def holding_of(self, reader: str) -> list[Reservation]:
        """Return the reservations of `reader` whose status holds a seat, by their end."""
        facts = self.facts
        return list(facts.own[reader]) if reader in facts.readers else super().holding_of(reader)

    def fallen_due(
        self, at: datetime, *, reader: str | None = None, seat: str | None = None, area: str | None = None
    ) -> list[Reservation]:
        """Return what time has changed by `at` without its being written: of this reader, seat or area; else all."""
        facts = self.facts
        if at > facts.now:
            return super().fallen_due(at, reader=reader, seat=seat, area=area)
        return facts.fallen_due(at, reader=reader, seat=seat, area=area) if facts.due else []

    def held_until(self, seat: str, interval: Interval) -> datetime | None:
        """Return when the first of what holds `seat` at some moment of `interval` ends; None where it is free throughout."""
        facts = self.facts
        if seat not in facts.wished or not facts.covers(interval):
            return super().held_until(seat, interval)
        for end, start in facts.on_seats[seat]:
            if end > interval.start and start < interval.end:
                return end
        return None

    def held_seats(self, area: str, interval: Interval) -> set[str]:
        """Return the seats of `area` that are held at some moment of `interval`."""
        facts = self.facts
        if not facts.covers(interval):
            return super().held_seats(area, interval)
        return {seat for seat, start, end in facts.held_in(area) if end > interval.start and start < interval.end}

    def frees_at(self, area: str, interval: Interval) -> datetime | None:
        """Return when the first of the seats of `area` that are held in `interval` is free again; None when none is held."""
        facts = self.facts
        if not facts.covers(interval):
            return super().frees_at(area, interval)
        ends = (end for _, start, end in facts.held_in(area) if end > interval.start and start < interval.end)
        return min(ends, default=None)

    def levels(self, area: str, interval: Interval) -> list[Level]:
        """Return how many places of a capacity area are held throughout `interval`, in order and without a gap."""
        facts = self.facts
        return facts.levels(area, interval) if facts.covers(interval) else super().levels(area, interval)

    def closures(self, area: str, interval: Interval, seat: str | None = None) -> list[Closure]:
        """Return what staff closed in `area` at some moment of `interval`: all of it, or whatever closes `seat`."""
        facts = self.facts
        if not facts.covers(interval):
            return super().closures(area, interval, seat)
        closed = facts.closures
        return closed and [
            one
            for one in closed
            if one.area == area
            and (seat is None or one.seat is None or one.seat == seat)
            and one.start < interval.end
            and (one.end is None or one.end > interval.start)
        ]

    def cancelled(self, reader: str, since: datetime, seat: str | None = None) -> dict[str, list[datetime]]:
        """Return when `reader` cancelled reservations of each seat (or of `seat`), ascending, after `since`."""
        facts = self.facts
        if reader not in facts.readers:
            return super().cancelled(reader, since, seat)
        return facts.cancelled(reader, since, seat)

    def groups_of(self, reader: str) -> set[str]:
        """Return the groups that `reader` belongs to."""
        facts = self.facts
        return facts.groups.get(reader, set()) if reader in facts.readers else super().groups_of(reader)

    def reported(self, area: str) -> set[str]:
        """Return the seats of `area` that an open task is about."""
        return set(self.facts.reported(area))
