"""Attendance that carries over from the stay before on the same seat, read where nobody has written it down yet."""

from collections.abc import Mapping
from datetime import datetime

from booking.domain.carry import carried
from booking.domain.places import Places
from booking.domain.reservation import Reservation, Status
from booking.store.ahead import ahead
from booking.store.rows import RESERVATION, reservation_of, us
from booking.store.sql import Connection

_BEFORE = f"SELECT {RESERVATION} FROM reservations WHERE holding = 1 AND reader = ? AND seat = ? AND end_us = ?"  # noqa: S608


def carried_on(
    db: Connection, places: Places, stay: Reservation, now: datetime, changed: Mapping[str, Reservation] | None = None
) -> Reservation:
    """Return `stay` with what passages have done to it (`changed`; None: look), and the attendance of those before it."""
    changed = ahead(db, places, now) if changed is None else changed
    stay = changed.get(stay.id, stay)
    if stay.status is not Status.RESERVED or stay.start > now or not stay.seat:
        return stay
    row = db.execute(_BEFORE, (stay.reader, stay.seat, us(stay.start))).fetchone()
    if row is None:
        return stay
    before = carried_on(db, places, reservation_of(row), now, changed)
    steps = carried(before, stay, places.policy, places.zone)
    return steps[-1][1] if steps else stay
