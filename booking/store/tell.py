"""Writing down that a reader is told something; a trigger puts it on the reader's own channels in the same transaction."""

from datetime import datetime

from booking.store.rows import facts_json, new_id, us
from booking.store.sql import Connection


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
    db.execute(
        "INSERT INTO notifications (id, reader, kind, at_us, reservation, facts) VALUES (?, ?, ?, ?, ?, ?)",
        (new_id(learned_at), reader, kind, us(at), reservation, facts_json(facts)),
    )
