"""What time has done to reservations through passages, before anybody writes it down: so that a read is right at once.

Most sites have neither lanes that report passage nor check in who is inside at the opening: then nothing is read here.
"""

from datetime import datetime

from booking.domain.places import Places
from booking.domain.reservation import Reservation
from booking.service.inside import checked_in_inside
from booking.service.presence import foreseen
from booking.store.opening_rows import next_opening
from booking.store.rows import moment
from booking.store.sql import Connection
from booking.store.unit import StoreUnit
from config.policy import InsideAtOpening


def ahead(db: Connection, places: Places, now: datetime) -> dict[str, Reservation]:
    """Return the reservations, by id, that a passage has changed by `now` although what is stored does not say so yet."""
    changed: dict[str, Reservation] = {}
    unit = StoreUnit(db, places)
    if places.waits_for_passages:
        for record in unit.pending(now):
            after = foreseen(unit, places, record)
            if after is not None:
                changed[after.id] = after
    if places.policy.gate.inside_at_opening is InsideAtOpening.CHECK_IN:
        for stay in unit.opened(now):
            there = checked_in_inside(unit, places, stay, now)
            if there is not None:
                changed.setdefault(there.id, there)
    return changed


def next_passage(db: Connection, places: Places) -> datetime | None:
    """Return when a passage has waited long enough, or a check-in window opens that nobody has looked at; None for never."""
    site, found = places.site, list[datetime]()
    if site.gates and site.policy.gate.inside_at_opening is not InsideAtOpening.NOTHING:
        opening = next_opening(db, site.policy)
        found += [opening] if opening else []
    row = db.execute("SELECT min(pending_us) FROM gate_records WHERE pending_us IS NOT NULL").fetchone()
    found += [moment(row[0])] if row and row[0] is not None else []
    return min(found, default=None)
