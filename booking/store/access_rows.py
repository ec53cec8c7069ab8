"""What access lists are made from, read in one snapshot. SQL only, no rule."""

from collections import defaultdict
from collections.abc import Callable
from datetime import datetime
from typing import Any

from booking.domain.places import Places
from booking.domain.window import Interval
from booking.service.access_lists import AccessFacts
from booking.store.pool import ReaderPool
from booking.store.read_gates import people_inside
from booking.store.rows import moment, moment_or_none, us
from booking.store.sql import Connection
from messages.access_list import Counted

_CREDENTIALS = (
    "SELECT c.kind, c.value, c.reader, c.valid_from_us, c.valid_until_us FROM credentials c JOIN readers r ON r.id = c.reader "
    "WHERE r.gone_us IS NULL AND c.valid_from_us < ?2 AND (c.valid_until_us IS NULL OR c.valid_until_us > ?1) "
    "ORDER BY c.kind, c.value, c.valid_from_us"
)
_GROUPS = "SELECT id, role, groups FROM readers WHERE gone_us IS NULL AND (role = 'staff' OR groups <> '')"
_STAYS = (
    "SELECT reader, area, start_us, end_us FROM reservations WHERE holding = 1 AND end_us > ? AND start_us < ? "
    "AND (status <> 'reserved' OR due_us > ?) ORDER BY start_us, id"
)
_EPOCH = "SELECT epoch FROM gate_records WHERE gate = ? ORDER BY received_us DESC LIMIT 1"
_LAST = "SELECT max(sequence) FROM inbox WHERE gate = ? AND epoch = ?"
_GENERATION = "SELECT value FROM facts WHERE name = 'generation'"

Suspended = Callable[[Connection, datetime], dict[str, datetime]]
"""Until when each reader who is suspended at a time is so."""


class AccessReads:
    """The part of booking.service.ports.Reads that access lists are made from."""

    def __init__(self, pool: ReaderPool, places: Places, suspended: Suspended) -> None:
        self._access_pool = pool
        self._access_places = places
        self._suspended = suspended

    def access_facts(self, gate: str, now: datetime, until: datetime) -> AccessFacts:
        """What decides who may come in at `gate` between `now` and `until`, as one snapshot."""
        places = self._access_places
        venue = places.venue_of_gate(gate) or ""
        with self._access_pool.snapshot() as db:
            rows: list[Any] = db.execute(_CREDENTIALS, (us(now), us(until))).fetchall()
            generation: Any = db.execute(_GENERATION).fetchone()
            return AccessFacts(
                until=until,
                credentials=[
                    (kind, value, reader, moment(since), moment_or_none(end))
                    for kind, value, reader, since, end in rows
                ],
                always=self._always(db),
                stays=self._reserved(db, venue, now, until),
                suspended=self._suspended(db, now),
                inside=people_inside(db, places, venue, now)[0],
                counted=_counted(db, gate),
                generation=generation[0] if generation else 0,
            )

    def _always(self, db: Connection) -> frozenset[str]:
        groups = set(self._access_places.policy.gate.admits_always)
        rows: list[Any] = db.execute(_GROUPS).fetchall()
        return frozenset(reader for reader, role, own in rows if role == "staff" or groups & set(own.split()))

    def _reserved(self, db: Connection, venue: str, now: datetime, until: datetime) -> dict[str, list[Interval]]:
        places = self._access_places
        areas = {area.id for area in places.site.areas if area.venue == venue}
        opens_before = places.policy.check_in.opens_before
        found: defaultdict[str, list[Interval]] = defaultdict(list)
        rows: list[Any] = db.execute(_STAYS, (us(now), us(until + opens_before), us(now))).fetchall()
        for reader, area, start, end in rows:
            if area in areas:
                found[reader].append(Interval(moment(start), moment(end)))
        return dict(found)


def _counted(db: Connection, gate: str) -> Counted | None:
    epoch: Any = db.execute(_EPOCH, (gate,)).fetchone()
    if epoch is None:
        return None
    last: Any = db.execute(_LAST, (gate, epoch[0])).fetchone()
    return Counted(epoch[0], last[0] or 0)
