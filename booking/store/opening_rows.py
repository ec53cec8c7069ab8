"""Check-in windows that open: whose reservation nobody has looked at yet, as SQL; and telling without changing anything."""

from datetime import datetime
from typing import Any

from booking.domain.places import Places
from booking.domain.reservation import Reservation
from booking.store.many import Insert
from booking.store.rows import RESERVATION, moment, reservation_of, us
from booking.store.sql import Connection
from booking.store.tell import tell
from config.policy import Policy

LOOKS = Insert("reminders (reservation, kind, deadline_us)", 3, "ON CONFLICT DO NOTHING")
_UNSEEN = (
    "holding = 1 AND status = 'reserved' AND NOT EXISTS (SELECT 1 FROM reminders m "
    "WHERE m.reservation = reservations.id AND m.kind = 'opened' AND m.deadline_us = reservations.start_us)"
)


class OpeningUnit:
    """The openings of booking.service.unit.Unit. A look is kept among the reminders: it is one that is not always told."""

    _db: Connection
    _places: Places

    def opened(self, now: datetime) -> list[Reservation]:
        """Return the reservations whose check-in window opened by `now` and that nobody has looked at for that, by start."""
        rules = self._places.policy.check_in
        opened_for = now + rules.opens_before
        rows = self._db.execute(
            # what falls due later than this has not opened, whatever its length: so the index of what falls due serves
            f"SELECT {RESERVATION} FROM reservations WHERE {_UNSEEN} AND due_us <= ? AND start_us <= ? "  # noqa: S608
            "ORDER BY start_us, id",
            (us(opened_for + rules.closes_after), us(opened_for)),
        ).fetchall()
        return [reservation_of(row) for row in rows]

    def mark_opened(self, stay: Reservation) -> None:
        """Note that somebody looked."""
        self._insert(LOOKS, (stay.id, "opened", us(stay.start)))

    def _insert(self, insert: Insert, row: tuple[Any, ...]) -> None:
        insert.one(self._db, row)

    def tell(self, stay: Reservation, kind: str, at: datetime, facts: dict[str, str]) -> None:
        """Tell the reader of `stay` something that changes nothing."""
        tell(
            self._db,
            reader=stay.reader,
            kind=kind,
            at=at,
            learned_at=at,
            reservation=stay.id,
            facts=facts | {"source": "system"},
        )


def next_opening(db: Connection, policy: Policy) -> datetime | None:
    """Return when the next check-in window opens that nobody has looked at; None when there is none."""
    row = db.execute(
        f"SELECT min(start_us) FROM (SELECT start_us FROM reservations WHERE {_UNSEEN} ORDER BY due_us LIMIT 64) first"  # noqa: S608
    ).fetchone()
    return moment(row[0]) - policy.check_in.opens_before if row and row[0] is not None else None
