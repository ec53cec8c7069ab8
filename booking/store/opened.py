"""An open store, whichever database it is on, and what every opening does first."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from booking.domain.places import Places
from booking.domain.reservation import due
from booking.service.ports import Touched
from booking.store.held_places import set_capacities
from booking.store.leadership import Leadership
from booking.store.numbering import keep_time
from booking.store.reads import StoreReads
from booking.store.rows import RESERVATION, reservation_of, us_or_none
from booking.store.sql import Connection
from booking.store.writer import StoreWriter


@dataclass(frozen=True, slots=True)
class Store:
    """An open database: the one writer of this process, reads from any thread, its part in the choice of a leader."""

    writer: StoreWriter
    reads: StoreReads
    leadership: Leadership
    _end: Callable[[], None]

    def close(self) -> None:
        """Write what is queued, then close everything; another call does nothing."""
        self._end()


def prepare(db: Connection, places: Places, now: datetime) -> Touched:
    """Note the time, keep to the site's capacities, and fix when each reservation falls due by the rules of today.

    Returns the areas whose maps another process has to number anew. Done before, or by another process, it changes nothing.
    """
    touched = {area.id for area in places.site.areas} if keep_time(db, now) else set()
    set_capacities(db, places)
    rows = db.execute(f"SELECT {RESERVATION}, due_us FROM reservations WHERE holding = 1").fetchall()  # noqa: S608
    for row in rows:
        stay = reservation_of(row)
        falls = us_or_none(due(stay, places.policy))
        if falls != row[-1]:
            db.execute("UPDATE reservations SET due_us = ? WHERE id = ?", (falls, row[0]))
            touched.add(stay.area)
    return frozenset(touched)
