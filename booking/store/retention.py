"""Erasing what the library no longer needs to know (`policy.retention`), a bounded part at each call.

What tells where a person was goes first; what a person booked later; who of the staff did what last. The identity of a
gate's event stays for ever, without its content: an event that comes again must still be known. Rows are found in the
order in which they were written, so no call looks at what is too young.
"""

from collections import Counter
from datetime import datetime

from booking.store.rows import id_at, us
from booking.store.sql import Connection
from config.policy import RetentionPolicy

MOST = 2000
"""Rows of one kind erased by one call: a few milliseconds of the writer's time. The sweeper calls every few minutes."""
_OLD_EVIDENCE = (
    "SELECT n FROM evidence JOIN reservations ON id = reservation WHERE received_us < ?1 AND holding = 0 "
    "ORDER BY n LIMIT ?2"
)
_OLD_NOTES = "SELECT id FROM notifications WHERE at_us < ?1 ORDER BY n LIMIT ?2"
_OLD_RECORDS = "SELECT id FROM gate_records WHERE received_us < ?1 ORDER BY received_us LIMIT ?2"
_OLD_STAYS = "SELECT id FROM reservations WHERE id < ?1 AND holding = 0 ORDER BY id LIMIT ?2"

_FORGET_TIMES = (
    "UPDATE reservations SET checked_in_us = NULL, away_us = NULL, away_until_us = NULL, returned_us = NULL "  # noqa: S608
    f"WHERE id IN (SELECT reservation FROM evidence WHERE n IN ({_OLD_EVIDENCE}))"
)
_FORGET_PAYLOADS = (
    "UPDATE inbox SET payload = ?3 WHERE (gate, epoch, sequence) IN "  # noqa: S608
    f"(SELECT gate, epoch, sequence FROM gate_records WHERE id IN ({_OLD_RECORDS}))"
)


def erase(db: Connection, policy: RetentionPolicy, now: datetime) -> Counter[str]:
    """Erase what is past its time at `now`, the oldest first, and return how many rows of each kind."""
    erased: Counter[str] = Counter()
    if policy.presence:
        _erase_presence(db, now - policy.presence, erased)
    if policy.reservations:
        _erase_reservations(db, now - policy.reservations, erased)
    if policy.audit:
        _erase_audit(db, now - policy.audit, erased)
    return +erased


def _erase_presence(db: Connection, before: datetime, erased: Counter[str]) -> None:
    """Erase passages, the ledger and what was told; a reservation keeps when it was for and how it ended."""
    oldest = (us(before), MOST)
    db.execute(_FORGET_TIMES, oldest)
    _delete(db, f"evidence WHERE n IN ({_OLD_EVIDENCE})", oldest, erased)
    _delete(db, f"deliveries WHERE notification IN ({_OLD_NOTES})", oldest, erased)
    _delete(db, f"notifications WHERE id IN ({_OLD_NOTES})", oldest, erased)
    db.execute(_FORGET_PAYLOADS, (*oldest, b""))
    _delete(db, f"gate_records WHERE id IN ({_OLD_RECORDS})", oldest, erased)
    _delete(
        db,
        "dead_letters WHERE n IN (SELECT n FROM dead_letters WHERE received_us < ?1 ORDER BY n LIMIT ?2)",
        oldest,
        erased,
    )
    waiting = "SELECT gate, epoch, sequence FROM held_events WHERE received_us < ?1 ORDER BY received_us LIMIT ?2"
    _delete(db, f"held_events WHERE (gate, epoch, sequence) IN ({waiting})", oldest, erased)
    words = "SELECT gate, epoch, of_sequence FROM early_words WHERE received_us < ?1 ORDER BY received_us LIMIT ?2"
    _delete(db, f"early_words WHERE (gate, epoch, of_sequence) IN ({words})", oldest, erased)
    _delete(
        db,
        "code_uses WHERE (reader, kiosk, step) IN "
        "(SELECT reader, kiosk, step FROM code_uses WHERE used_us < ?1 ORDER BY used_us LIMIT ?2)",
        oldest,
        erased,
    )


def _erase_reservations(db: Connection, before: datetime, erased: Counter[str]) -> None:
    """Erase reservations made before `before` with all that hangs on them, and waits of that time."""
    oldest = (id_at(before), MOST)
    stays = f"reservation IN ({_OLD_STAYS})"
    for table in ("evidence", "reminders", "tasks", "violations"):
        _delete(db, f"{table} WHERE {stays}", oldest, erased)
    _delete(
        db,
        f"deliveries WHERE notification IN (SELECT id FROM notifications WHERE {stays})",  # noqa: S608
        oldest,
        erased,
    )
    _delete(db, f"notifications WHERE {stays}", oldest, erased)
    db.execute(f"UPDATE gate_records SET reservation = NULL WHERE {stays}", oldest)  # noqa: S608
    _delete(db, f"reservations WHERE id IN ({_OLD_STAYS})", oldest, erased)
    _delete(db, "waits WHERE id IN (SELECT id FROM waits WHERE id < ?1 ORDER BY id LIMIT ?2)", oldest, erased)


def _erase_audit(db: Connection, before: datetime, erased: Counter[str]) -> None:
    oldest = (us(before), MOST)
    for table in ("staff_actions", "identity_audit"):
        old = f"SELECT n FROM {table} WHERE at_us < ?1 ORDER BY n LIMIT ?2"  # noqa: S608
        _delete(db, f"{table} WHERE n IN ({old})", oldest, erased)
    _delete(db, "alerts WHERE id IN (SELECT id FROM alerts WHERE from_us < ?1 ORDER BY id LIMIT ?2)", oldest, erased)
    given = "SELECT id FROM gate_orders WHERE at_us < ?1 ORDER BY at_us, id LIMIT ?2"
    _delete(db, f"gate_orders WHERE id IN ({given})", oldest, erased)
    over = "SELECT id FROM evacuations WHERE end_us < ?1 ORDER BY id LIMIT ?2"
    _delete(db, f"evacuations WHERE id IN ({over})", oldest, erased)


def _delete(db: Connection, which: str, values: tuple[int | str, int], erased: Counter[str]) -> None:
    gone = db.execute(f"DELETE FROM {which} RETURNING 1", values).fetchall()  # noqa: S608 - a constant of this module
    erased[which.split(" ", 1)[0]] += len(gone)
