"""What is known about a run of bookings, asked for all of them at once and kept true as they are decided one by one.

SQL and arithmetic only, no rule. What every booking needs is asked at once, all else when it is first needed, each for
every booking of the run; a run lives inside one transaction that nobody else's write can cross, so only the run itself
changes it.
"""

from bisect import insort
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cached_property

from booking.domain.booking import this_minute
from booking.domain.capacity import Level
from booking.domain.freezing import Evacuation
from booking.domain.places import Places
from booking.domain.reservation import Reservation
from booking.domain.violations import Violation
from booking.domain.window import Interval
from booking.service.commands import Reserve
from booking.store.closure_rows import standing
from booking.store.evacuation_rows import going_on
from booking.store.held_places import levels_of, steps_of
from booking.store.many import rows_of
from booking.store.rows import RESERVATION, moment, reservation_of, us
from booking.store.sql import Connection
from booking.store.violation_rows import VIOLATION, violation_of_row

# every end is later than 1970: that is said for the sake of the index of what holds, by reader and end
_OWN = f"SELECT {RESERVATION} FROM reservations WHERE holding = 1 AND reader IN {{wanted}} AND end_us > 0"  # noqa: S608
# few hold one seat: the times are added to, so that the index by seat is the only one to look into
_ON_SEATS = (
    "SELECT seat, end_us, start_us FROM reservations "
    "WHERE holding = 1 AND seat IN {wanted} AND end_us + 0 > ? AND start_us + 0 < ?"
)
_ANSWERS = "SELECT reader, key, digest, outcome FROM idempotency WHERE (reader, key) IN {wanted}"
_DUE = f"SELECT due_us, {RESERVATION} FROM reservations WHERE holding = 1 AND due_us <= ?"  # noqa: S608
_Cancelled = tuple[datetime, str, datetime]
"""When, which seat, and the earlier of the stay's start and its end by the cancellation."""
Answer = tuple[bytes, str]
"""A stored answer: the digest of its request, and the outcome as it is stored."""


class Facts:
    """The facts of `commands`. What is asked about anything else, is not here: see `covers`."""

    def __init__(self, db: Connection, places: Places, commands: Sequence[Reserve]) -> None:
        self._db = db
        self.readers = {command.reader: None for command in commands}
        self.wished = {command.seat: None for command in commands if command.seat and places.seat(command.seat)}
        self._keys = sorted({(one.reader, one.request.key) for one in commands if one.request is not None})
        self.first, self.now = min(command.at for command in commands), max(command.at for command in commands)
        starts = [command.start or this_minute(command.at) for command in commands]
        end = max(command.end for command in commands)
        # in UTC, as every interval that is decided on: times of two zones are slow to compare
        self.span = Interval(min(starts).astimezone(UTC), end.astimezone(UTC))
        self._around = (us(self.span.start), us(self.span.end))
        self._ask_together()
        self._held: dict[str, list[tuple[str, datetime, datetime]]] = {}
        self._steps: dict[str, list[tuple[int, int]]] = {}
        self._reported: dict[str, set[str]] = {}
        self._cancelled: defaultdict[str, list[_Cancelled]] | None = None
        self._cancelled_since = self.first

    def _ask_together(self) -> None:
        """Ask what every booking is decided by, all of it before any answer is looked at: PostgreSQL is waited for once."""
        own = rows_of(self._db, _OWN, list(self.readers))
        on_seats = rows_of(self._db, _ON_SEATS, list(self.wished), self._around)
        answers = rows_of(self._db, _ANSWERS, self._keys)
        due = self._db.execute(_DUE, (us(self.now),))
        self.closures = standing(self._db, self.span)
        """What staff have closed at some moment of the span, in all areas."""
        self.own: defaultdict[str, list[Reservation]] = defaultdict(list)
        """Reader → what they hold, by its end."""
        for stay in sorted(map(reservation_of, own), key=lambda one: one.end):
            self.own[stay.reader].append(stay)
        self.on_seats: defaultdict[str, list[tuple[datetime, datetime]]] = defaultdict(list)
        """Wished seat → (end, start) of what holds it at some moment of the span, in this order."""
        for seat, end, start in sorted(on_seats):
            self.on_seats[seat].append((moment(end), moment(start)))
        self.answers: dict[tuple[str, str], Answer] = {(row[0], row[1]): (row[2], row[3]) for row in answers}
        """(reader, key) → the stored answer."""
        rows = due.fetchall()
        self.due = sorted(((row[0], row[5], reservation_of(row[1:])) for row in rows), key=lambda one: one[:2])
        """What falls due by the last of the commands, whosever it is: (when, its start, it), in this order."""

    def covers(self, interval: Interval) -> bool:
        """Tell whether what is held during `interval` is known."""
        return self.span.start <= interval.start and interval.end <= self.span.end

    # ---- reservations ------------------------------------------------------------------------------------------------

    def fallen_due(self, at: datetime, *, reader: str | None, seat: str | None, area: str | None) -> list[Reservation]:
        """Return what of this reader, seat or area has fallen due by `at`; else all that has."""
        everything = reader is None and seat is None and area is None
        return [
            stay
            for due_us, _, stay in self.due
            if due_us <= us(at) and (everything or stay.reader == reader or stay.seat == seat or stay.area == area)
        ]

    def held_in(self, area: str) -> list[tuple[str, datetime, datetime]]:
        """Return (seat, start, end) of what holds in an area at some moment of the span."""
        if area not in self._held:
            rows = self._db.execute(
                "SELECT seat, start_us, end_us FROM reservations "
                "WHERE holding = 1 AND end_us > ? AND start_us < ? AND area = ?",
                (*self._around, area),
            ).fetchall()
            self._held[area] = [(row[0], moment(row[1]), moment(row[2])) for row in rows]
        return self._held[area]

    def levels(self, area: str, interval: Interval) -> list[Level]:
        """Return how many places of a capacity area are held throughout `interval`, in order and without a gap."""
        if area not in self._steps:
            self._steps[area] = steps_of(self._db, area, self.span)
        return levels_of(self._steps[area], interval)

    def add(self, stay: Reservation, due_us: int | None) -> None:
        """Count in what the run has just booked."""
        insort(self.own[stay.reader], stay, key=lambda one: one.end)
        insort(self.on_seats[stay.seat], (stay.end, stay.start))
        if due_us is not None and due_us <= us(self.now):
            insort(self.due, (due_us, us(stay.start), stay), key=lambda one: one[:2])
        if stay.area in self._held:
            self._held[stay.area].append((stay.seat, stay.start, stay.end))
        if stay.area in self._steps and not stay.seat:
            self._steps[stay.area] = _stepped(self._steps[stay.area], us(stay.start), us(stay.end))

    # ---- what else decides -------------------------------------------------------------------------------------------

    def cancelled(self, reader: str, since: datetime, seat: str | None) -> dict[str, list[datetime]]:
        """Return when `reader` cancelled reservations of each seat (or of `seat`), ascending, after `since`."""
        if self._cancelled is None or since < self._cancelled_since:
            self._cancelled_since = since - (
                self.now - self.first
            )  # the earliest that any of the commands looks back to
            self._cancelled = self._cancellations(us(self._cancelled_since))
        found: dict[str, list[datetime]] = {}
        for at, known, stayed in self._cancelled[reader]:
            if stayed > since and seat in {None, known}:
                found.setdefault(known, []).append(at)
        return found

    def _cancellations(self, since_us: int) -> "defaultdict[str, list[_Cancelled]]":
        sql = (
            "SELECT r.reader, e.occurred_us, r.seat, r.start_us, r.closed_us "
            "FROM reservations r CROSS JOIN evidence e WHERE r.reader IN {wanted} "
            "AND r.status = 'cancelled' AND r.start_us > ? AND r.closed_us > ? "
            "AND e.reservation = r.id AND e.change = 'cancelled'"
        )
        found: defaultdict[str, list[_Cancelled]] = defaultdict(list)
        for row in sorted(rows_of(self._db, sql, list(self.readers), (since_us, since_us)), key=lambda one: one[1]):
            found[row[0]].append((moment(row[1]), row[2], moment(min(row[3], row[4]))))
        return found

    @cached_property
    def groups(self) -> dict[str, set[str]]:
        """Reader → the groups that they belong to."""
        sql = "SELECT id, groups FROM readers WHERE id IN {wanted}"
        return {row[0]: set(row[1].split()) for row in rows_of(self._db, sql, list(self.readers))}

    @cached_property
    def violations(self) -> "defaultdict[str, list[Violation]]":
        """Reader → their violations, oldest first."""
        sql = f"SELECT {VIOLATION} FROM violations WHERE reader IN {{wanted}}"  # noqa: S608 - a constant
        found: defaultdict[str, list[Violation]] = defaultdict(list)
        for violation in sorted(
            map(violation_of_row, rows_of(self._db, sql, list(self.readers))), key=lambda one: (one.occurred_at, one.id)
        ):
            found[violation.reader].append(violation)
        return found

    @cached_property
    def evacuated(self) -> dict[str, Evacuation]:
        """Venue → the evacuation that goes on there."""
        return {one.venue: one for one in going_on(self._db)}

    @cached_property
    def waited(self) -> set[str]:
        """The areas in which somebody waits for a place."""
        rows = self._db.execute("SELECT DISTINCT area FROM waits WHERE told_us IS NULL AND closed_us IS NULL")
        return {row[0] for row in rows.fetchall()}

    def reported(self, area: str) -> set[str]:
        """Return the seats of an area that an open task is about."""
        if area not in self._reported:
            rows = self._db.execute("SELECT seat FROM tasks WHERE area = ? AND settled_us IS NULL", (area,)).fetchall()
            self._reported[area] = {row[0] for row in rows}
        return self._reported[area]


def _stepped(steps: list[tuple[int, int]], start: int, end: int) -> list[tuple[int, int]]:
    """Return `steps` (from when, how many) with one place more held in [start, end)."""
    moments = sorted({at for at, _ in steps} | {start, end})
    known, held, found = dict(steps), 0, []
    for at in moments:
        held = known.get(at, held)
        found.append((at, held + (start <= at < end)))
    return found
