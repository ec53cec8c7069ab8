"""Reminders as SQL: which fall due, told once each. Run late or twice, the result is the same.

A reminder's deadline is its reservation's `due_us`; nothing is written for it before it is told, so a booking pays nothing.
"""

from datetime import datetime, timedelta

from booking.domain.places import Places
from booking.domain.reminders import REMINDER_OF, lead_of, reminding
from booking.service.ledger import facts_of
from booking.store.rows import RESERVATION, moment, reservation_of, us
from booking.store.sql import Connection
from booking.store.tell import tell
from config.policy import Policy

_UNTOLD = (
    "holding = 1 AND status = ?1 AND NOT EXISTS (SELECT 1 FROM reminders m "
    "WHERE m.reservation = reservations.id AND m.kind = ?2 AND m.deadline_us = reservations.due_us)"
)


def remind(db: Connection, places: Places, now: datetime) -> None:
    """Tell every reminder that has fallen due by `now` and is not over; call it when what time did is written down."""
    for status, kind in REMINDER_OF.items():
        lead = lead_of(status, places.policy)
        rows = db.execute(
            f"SELECT {RESERVATION} FROM reservations WHERE {_UNTOLD} AND due_us <= ?3 ORDER BY due_us",  # noqa: S608
            (str(status), str(kind), us(now + lead)),
        ).fetchall()
        for row in rows if lead else ():
            stay = reservation_of(row)
            db.execute(
                "INSERT INTO reminders SELECT id, ?, due_us FROM reservations WHERE id = ?", (str(kind), stay.id)
            )
            found = reminding(stay, places.policy)
            if found is not None and now < found.deadline:
                until = found.deadline.astimezone(places.zone).isoformat()
                tell(
                    db,
                    reader=stay.reader,
                    kind=str(kind),
                    at=found.at,
                    learned_at=now,
                    reservation=stay.id,
                    facts=facts_of(places, stay) | {"deadline": until, "source": "system"},
                )


def next_reminder(db: Connection, policy: Policy) -> datetime | None:
    """Return when the next reminder falls due; None when there is none."""
    found: list[datetime] = []
    for status, kind in REMINDER_OF.items():
        lead = lead_of(status, policy)
        row = db.execute(
            f"SELECT due_us FROM reservations WHERE {_UNTOLD} ORDER BY due_us LIMIT 1",  # noqa: S608 - a constant
            (str(status), str(kind)),
        ).fetchone()
        if row is not None and lead > timedelta():
            found.append(moment(row[0]) - lead)
    return min(found, default=None)
