"""Writing down that a reader is told something; a trigger puts it on the reader's own channels in the same transaction."""

from datetime import datetime
from typing import Any

from booking.store.many import Insert
from booking.store.rows import facts_json, new_id, us
from booking.store.sql import Connection

NOTIFICATIONS = Insert("notifications (id, reader, kind, at_us, reservation, facts)", 6)


def tell(
    db: Connection,
    *,
    reader: str,
    kind: str,
    at: datetime,
    learned_at: datetime,
    reservation: str | None,
    facts: dict[str, str],
) -> None:
    """Insert a notification about something that happened `at` and was learned of (or fell due) `learned_at`."""
    row = told_row(reader=reader, kind=kind, at=at, learned_at=learned_at, reservation=reservation, facts=facts)
    NOTIFICATIONS.one(db, row)


def told_row(
    *, reader: str, kind: str, at: datetime, learned_at: datetime, reservation: str | None, facts: dict[str, str]
) -> tuple[Any, ...]:
    """Return such a notification as a row."""
    return (new_id(learned_at), reader, kind, us(at), reservation, facts_json(facts))
